"""Ready recipes, each runnable by name."""
