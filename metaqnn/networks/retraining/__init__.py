"""What comes after a search: retrainings, the test split, ensembles, export."""
