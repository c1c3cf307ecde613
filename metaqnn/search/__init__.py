"""The loop that brings space, strategy, evaluator and memory together, and the proof that it kept its word."""
