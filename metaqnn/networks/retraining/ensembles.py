"""Ensembles of trained networks: predictions averaged, and members selected on validation images."""

from collections.abc import Sequence

import numpy as np

from metaqnn.networks.targets import Target


def average(predictions: np.ndarray, members: Sequence[int] | None = None) -> np.ndarray:
    """The mean over networks.

    Args:
        predictions: probabilities or numbers, of shape (networks, N, outputs).
        members: indices of networks; one that stands twice counts twice. None is all of them.

    Returns:
        float64 of shape (N, outputs).
    """
    chosen = predictions if members is None else predictions[list(members)]
    return chosen.mean(axis=0, dtype=np.float64)


def select_greedily(target: Target, predictions: np.ndarray, targets: np.ndarray, most: int = 25) -> list[int]:
    """Members of an ensemble, selected one after another with replacement (Caruana et al., ICML 2004).

    Begins with the best network; adds whichever makes the ensemble best, by the score and then by what the target was
    trained on (the cross-entropy, or the squared error), until none makes it better by either.

    Args:
        target: what is predicted.
        predictions: of shape (networks, N, outputs), on images that no network was trained on.
        targets: of these images, as a split has them.
        most: members at most.

    Returns:
        indices of networks, one an addition.
    """
    members: list[int] = []
    total = np.zeros(predictions.shape[1:], np.float64)
    best = (-np.inf, -np.inf)

    def key(said: np.ndarray) -> tuple[float, float]:
        return target.score.gain(target.measure(said, targets).score), target.best_members(said, targets)

    while len(members) < most:
        scores = [key((total + one) / (len(members) + 1)) for one in predictions]
        chosen = max(range(len(scores)), key=lambda i: (scores[i], -i))
        if members and scores[chosen] <= best:
            break
        best = scores[chosen]
        members.append(chosen)
        total += predictions[chosen]
    return members
