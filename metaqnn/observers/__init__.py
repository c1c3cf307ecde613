"""Observers that come with the package: tables for other programs, and the tools that people follow trainings with."""
