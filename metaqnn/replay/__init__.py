"""What happened: one SQLite file is one search, and the only truth about it."""
