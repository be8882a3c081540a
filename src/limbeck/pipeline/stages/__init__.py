"""The folder of a run: who holds it, which stages are done in it, and how long they took."""
