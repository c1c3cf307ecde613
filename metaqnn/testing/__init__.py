"""Contract suites for parts from outside."""
