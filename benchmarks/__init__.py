"""Measurements of metaqnn's own speed; `make bench` runs them, the trainings where asked for."""
