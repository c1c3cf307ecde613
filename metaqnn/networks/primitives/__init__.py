"""What the operations of a network compute with: a few primitives, once for each backend."""
