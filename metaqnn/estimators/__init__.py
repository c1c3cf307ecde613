"""A search as a scikit-learn classifier; `from metaqnn import MetaQNNClassifier`."""
