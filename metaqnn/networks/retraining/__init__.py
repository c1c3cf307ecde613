"""What comes after a search: final trainings, the test split, ensembles, export."""
