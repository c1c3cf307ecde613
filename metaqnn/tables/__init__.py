"""Recorded results, searched like anything else."""
