"""Faults at random against real searches: `make soak`."""
