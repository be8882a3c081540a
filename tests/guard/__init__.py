"""The guard: does a change of the source change a result? `python tests/guard/guard.py --help`."""
