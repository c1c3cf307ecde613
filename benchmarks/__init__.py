"""Measurements of metaqnn's own speed; `make bench` runs them."""
