"""What a run trains: the rows and their views, teachers, arms, curves."""
