"""A search as a scikit-learn estimator: `from metaqnn import MetaQNNClassifier, MetaQNNRegressor`."""
