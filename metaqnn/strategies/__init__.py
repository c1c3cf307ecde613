"""What to try next: the built-in strategies, each named by an entry point in setup.cfg."""
