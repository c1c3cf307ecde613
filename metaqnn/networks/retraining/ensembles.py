"""Ensembles of trained networks: probabilities averaged, and members selected on validation images."""

from collections.abc import Sequence

import numpy as np


def average(probabilities: np.ndarray, members: Sequence[int] | None = None) -> np.ndarray:
    """The mean over networks.

    Args:
        probabilities: of shape (networks, N, classes).
        members: indices of networks; one that stands twice counts twice. None is all of them.

    Returns:
        float64 of shape (N, classes).
    """
    chosen = probabilities if members is None else probabilities[list(members)]
    return chosen.mean(axis=0, dtype=np.float64)


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The share of images whose largest probability is at their label, in [0, 1].

    Args:
        probabilities: of shape (N, classes).
        labels: int of shape (N,).
    """
    return float(np.count_nonzero(probabilities.argmax(axis=1) == labels) / len(labels))


def select_greedily(probabilities: np.ndarray, labels: np.ndarray, most: int = 25) -> list[int]:
    """Members of an ensemble, selected one after another with replacement (Caruana et al., ICML 2004).

    Begins with the best network; adds whichever makes the ensemble best, by accuracy and then by cross-entropy, until
    none makes it better by either.

    Args:
        probabilities: of shape (networks, N, classes), on images that no network was trained on.
        labels: int of shape (N,).
        most: members at most.

    Returns:
        indices of networks, one an addition.
    """
    members: list[int] = []
    total = np.zeros(probabilities.shape[1:], np.float64)
    best = (-1.0, -np.inf)
    while len(members) < most:
        scores = [_score((total + one) / (len(members) + 1), labels) for one in probabilities]
        chosen = max(range(len(scores)), key=lambda i: (scores[i], -i))
        if members and scores[chosen] <= best:
            break
        best = scores[chosen]
        members.append(chosen)
        total += probabilities[chosen]
    return members


def _score(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy, and the mean log-probability of the label."""
    right = probabilities[np.arange(len(labels)), labels]
    return accuracy(probabilities, labels), float(np.log(np.maximum(right, 1e-12)).mean())
