"""A run's result in words: the page, and every sentence that terminal and card share with it."""
