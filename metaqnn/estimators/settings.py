"""The experiment that an estimator's parameters stand for, with defaults that suit the data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaqnn.core import TargetKind
from metaqnn.errors import ConfigError
from metaqnn.networks.data.target_facts import kind_of_targets

WHERE = "MetaQNNClassifier"
"""Stands for the file in messages about the experiment."""

_MAX_VALIDATION = 5000
"""More validation images tell networks apart no better than they need to be; the paper's number."""

_QUICK_FLOPS = 20_000_000
"""An image's forward pass, by default at most, where images are large: keeps every training short."""


@dataclass(frozen=True)
class DataFacts:
    """What the defaults depend on.

    Attributes:
        images: how many.
        shape: (height, width, channels).
        classes: outputs: of classes, labels or numbers.
        majority: the most frequent class's share; of others 0.
        target: what is predicted.
    """

    images: int
    shape: tuple[int, int, int]
    classes: int
    majority: float
    target: TargetKind = "classes"

    @classmethod
    def of(cls, images: np.ndarray, targets: np.ndarray) -> "DataFacts":
        """Those of images with targets as a split has them."""
        kind = kind_of_targets(targets)
        if kind != "classes":
            return cls(len(images), images.shape[1:], targets.shape[1], 0.0, kind)
        counts = np.bincount(targets)
        return cls(len(images), images.shape[1:], len(counts), float(counts.max() / len(targets)))


def experiment_content(parameters: Mapping[str, Any], facts: DataFacts, dataset: str, seed: int) -> dict[str, Any]:
    """The sections of the experiment for the parameters of an estimator over the data in the file `dataset`.

    Raises:
        ConfigError: a validation fraction that is none, or a setting that is no section's.
    """
    parameters = _plain(parameters)
    validation = _validation_size(parameters["validation_fraction"], facts)
    strategy = {"name": parameters["strategy"], "preset": parameters["preset"]}
    content: dict[str, Any] = {
        "name": "regressor" if facts.target == "numbers" else "classifier",
        "seed": seed,
        "dataset": {
            "name": dataset,
            "validation_size": validation,
            "preprocessing": "standardize",
            "channels": "last",
        },
        "space": _space(parameters, facts),
        "strategy": {key: value for key, value in strategy.items() if value is not None},
        "training": _training(parameters["epochs"], facts, facts.images - validation),
        "search": {"models": parameters["models"], "lookahead": max(2, parameters["workers"] or 0)},
    }
    if facts.target != "classes":
        content["dataset"]["target"] = facts.target
    settings = parameters["settings"] or {}
    of_final = [key for key in settings if isinstance(key, str) and key.startswith("final.")]
    for key in settings:
        if key not in of_final:
            _assign(content, key, settings[key])
    if parameters["final"] is not None:
        content["final"] = _final(parameters["final"], content["training"].get("batch_size"))
    for key in of_final:
        _assign(content, key, settings[key])
    return content


def _validation_size(fraction: float | None, facts: DataFacts) -> int:
    """Images held out: the fraction; by default a fifth, and one a class where there are enough images."""
    if fraction is None:
        size = max(min(round(facts.images / 5), _MAX_VALIDATION), min(facts.classes, facts.images // 2))
    elif isinstance(fraction, float) and 0.0 < fraction < 1.0:
        size = round(fraction * facts.images)
    else:
        raise ConfigError(f"validation_fraction: expected a share above 0 and below 1, or None, got {fraction!r}")
    return min(max(1, size), facts.images - 1)


def _space(parameters: Mapping[str, Any], facts: DataFacts) -> dict[str, Any]:
    """Small layers; deeper networks and more pools for larger images."""
    height, width, _ = facts.shape
    side = min(height, width)
    fields: tuple[int, ...]
    pooling: tuple[tuple[int, int], ...]
    if side < 8:
        max_depth, fields, pooling = 4, (1, 3), ((2, 2),)
    elif side < 16:
        max_depth, fields, pooling = 6, (1, 3, 5), ((3, 2), (2, 2))
    else:
        max_depth, fields, pooling = 8, (1, 3, 5), ((5, 3), (3, 2), (2, 2))
    defaults = {
        "max_depth": max_depth,
        "filters": (16, 32, 64),
        "receptive_fields": fields,
        "pooling": pooling,
        "neurons": (128, 64),
    }
    chosen = {key: value if parameters[key] is None else parameters[key] for key, value in defaults.items()}
    section = {
        "max_depth": chosen["max_depth"],
        "convolution": {"filters": chosen["filters"], "receptive_fields": chosen["receptive_fields"]},
        "pooling": chosen["pooling"],
        "fully_connected": {"neurons": chosen["neurons"], "max_in_row": 2},
    }
    if height * width >= 256:  # a limit leaves room for a softmax alone
        section["limits"] = {"flops": max(_QUICK_FLOPS, 20 * math.prod(facts.shape) * facts.classes)}
    return section


def _training(epochs: int | None, facts: DataFacts, images: int) -> dict[str, Any]:
    """At least eight steps an epoch, and more epochs where there are few images.

    A network learns if it does better than to name the most frequent class whatever it sees.
    """
    is_small = images < 5000
    if epochs is None:
        epochs = 20 if is_small else 10
    batch_size = 128 if images >= 1024 else max(8, 2 ** int(math.log2(max(1, images // 8))))
    learning = facts.majority + 0.05 * (1.0 - facts.majority)
    judged = {"restart_accuracy": round(facts.classes * learning, 6)} if facts.target == "classes" else {}
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": 0.003 if images < 20_000 else 0.001,
        "decay_epochs": max(1, math.ceil(epochs / 4)) if isinstance(epochs, int) else 5,
        "restart_epoch": 4 if is_small else 1,
        **judged,
        "max_restarts": 2,
    }


def _final(final: object, batch_size: object) -> Any:
    """The retraining recipe; few images need small batches there, too, and those a lower rate in proportion."""
    section = {"name": final} if isinstance(final, str) else final
    if not isinstance(section, dict) or section.get("name", "one_cycle") != "one_cycle":
        return section
    section = {"batch_size": batch_size, **section}
    if isinstance(section["batch_size"], int):  # what is none is refused with its key
        section = {"learning_rate": 0.1 * min(1.0, section["batch_size"] / 128), **section}
    return section


def _assign(content: dict[str, Any], key: object, value: Any) -> None:
    """Set one dotted key, such as `training.batch_size`."""
    names = key.split(".") if isinstance(key, str) else []
    if len(names) < 2 or not all(names):
        raise ConfigError(f"settings: expected dotted keys such as 'training.batch_size', got {key!r}")
    level = content
    for name in names[:-1]:
        level = level.setdefault(name, {})
        if not isinstance(level, dict):
            raise ConfigError(f"settings: {key}: {name!r} holds a value, not a section")
    level[names[-1]] = value


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's, which a configuration is made of."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | np.ndarray):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
