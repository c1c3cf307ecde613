"""How good a network is, asked from a process of its own."""
