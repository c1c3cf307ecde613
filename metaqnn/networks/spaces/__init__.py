"""The built-in spaces of networks."""
