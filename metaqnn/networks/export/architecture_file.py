"""`architecture.json`: a network of a database described so that it can be rebuilt, with what is known of it.

The layout, version 1 (an unknown version is refused on reading; further keys may come without a new version):

    kind                 "metaqnn architecture"
    format               1
    metaqnn_version      what wrote the file
    architecture         the paper's notation
    input_shape          [height, width, channels]
    classes              how many
    class_names          their names in the order of the outputs; null where the images are not on this machine
    target               only where no classes are predicted: {"kind": "labels" or "numbers", ...}; `classes` then
                         counts labels or numbers, and numbers have the "mean" and "deviation" of the training images
    score                only then: the name of what the accuracies of this file are instead
    preprocessing        {"kind": ..., "text": what it does}: how uint8 images become numbers
    batch_normalization  whether it stands before every ReLU; as the retraining was trained, false for a model
    layers               in order: {"layer", "output_shape", "parameters", "flops"}
    parameters, flops    of the whole, batch normalisation left out; flops are 2 x multiply-adds of one image forward
    dataset              name of the images
    source               {"experiment", "seed", "model", "final"}; final is null where a model is described
    search               {"validation_accuracy", "evaluations": [{"evaluation", "purpose", "seed", "status",
                         "validation_accuracy"}]}; the first is null where no training ended well
    finals               [{"final", "dataset", "part", "seed", "recipe", "status", "validation_accuracy", "parameters",
                         "weights"}]: that one, or all of the model
    rebuild              how, in words

Accuracies are in [0, 1]. Nothing of a test split stands in it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.core import Retraining
from metaqnn.errors import (
    ConfigError,
    DamageError,
    DataError,
    ExportError,
    IllegalArchitectureError,
    NotationError,
    brief,
    shown,
)
from metaqnn.files import read_whole
from metaqnn.networks.architecture import Architecture, parse
from metaqnn.networks.costs import describe
from metaqnn.networks.data import DatasetConfig, load_search_data, open_source
from metaqnn.networks.targets import recorded_target
from metaqnn.replay.checks import as_damage
from metaqnn.replay.evaluations import read_evaluations
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retrainings
from metaqnn.version import __version__

if TYPE_CHECKING:
    import keras

KIND, FORMAT = "metaqnn architecture", 1

_MOST_BYTES = 2**24
"""Of a file; a network of twenty layers has some 3,000."""

_PREPROCESSING = {
    "none": "pixels / 255",
    "mean": "(pixels - mean of the training images) / 255",
    "standardize": "(pixels - mean of the training images) / their standard deviation, of each pixel and channel",
    "global_contrast": "(pixels - mean of the image) / its standard deviation",
}
_REBUILD = (
    "metaqnn.networks.export.architecture_file.build_described(FILE) is a Keras model with fresh weights, from "
    "images as the preprocessing leaves them to logits; C(d,f,s), P(f,s), FC(d), GAP(c) and SM(c) are as in Baker et "
    "al. (ICLR 2017)"
)


def describe_network(
    reader: ReplayReader, model: int, retraining: Retraining | None = None, has_images: bool = True
) -> dict[str, Any]:
    """The content of the file for a model that exists, as it was searched, or for one of its retrainings.

    Without `has_images` no images are looked for, and the class names are null.
    """
    config = reader.config()
    experiment = config["experiment"]
    known = next(each for each in reader.models() if each.model == model)
    retrainings = [retraining] if retraining else [each for each in read_retrainings(reader) if each.model == model]
    dataset, data = (retraining.dataset, retraining.data) if retraining else (experiment["dataset"], config["data"])
    recipe = retraining.recipe if retraining else {}
    preprocessing = recipe.get("preprocessing") or dataset.get("preprocessing", "none")
    if not isinstance(preprocessing, str):
        kept = (
            f"finals, row {retraining.number}, columns recipe and dataset" if retraining else "config, row 'experiment'"
        )
        raise DamageError(reader.path, f"table {kept}: expected a name as preprocessing, got {shown(preprocessing)}")
    place = f"table finals, row {retraining.number}" if retraining else f"table models, row {model}"
    with as_damage(reader.path, f"{place}, column architecture"):
        text = retraining.architecture if retraining else known.architecture
        description = describe(text, tuple(data["input_shape"]))
    layers = [
        {"layer": str(cost.layer), "output_shape": list(cost.shape), "parameters": cost.parameters, "flops": cost.flops}
        for cost in description.layers
    ]
    return {
        "kind": KIND,
        "format": FORMAT,
        "metaqnn_version": __version__,
        "architecture": str(description.architecture),
        "input_shape": list(description.input_shape),
        "classes": data["classes"],
        "class_names": known_class_names(reader, dataset, data) if has_images else None,
        **_target(data),
        "preprocessing": {"kind": preprocessing, "text": _PREPROCESSING.get(preprocessing, "")},
        "batch_normalization": bool(recipe.get("batch_normalization", False)),
        "layers": layers,
        "parameters": description.parameters,
        "flops": description.flops,
        "dataset": dataset["name"],
        "source": {
            "experiment": experiment["name"],
            "seed": config["seed"],
            "model": model,
            "final": retraining.number if retraining else None,
        },
        "search": _search(reader, model),
        "finals": [_retraining(each) for each in retrainings],
        "rebuild": _REBUILD,
    }


def _target(data: Mapping[str, Any]) -> dict[str, Any]:
    known = data.get("target")
    return {"target": dict(known), "score": recorded_target(data).score.name} if known else {}


def known_class_names(reader: ReplayReader, dataset: Mapping[str, Any], data: Mapping[str, Any]) -> list[str] | None:
    """The names of the classes, if the very images are on this machine; nothing is downloaded, no test part read."""
    try:
        section = DatasetConfig.recorded(dataset, str(reader.path))
        if not open_source(section.name, section.options).available():
            return None
        images = load_search_data(section, reader.config()["seed"])
    except (ConfigError, DataError):
        return None
    return list(images.class_names) if images.data_hash == data.get("data_hash") else None


def _search(reader: ReplayReader, model: int) -> dict[str, Any]:
    """How a model did before any retraining: its last training that ended well, or the mean over a table's."""
    trainings = [each for each in read_evaluations(reader, model=model) if each.purpose in ("search", "table")]
    accuracies = [each.score for each in trainings if each.score is not None]
    counted = accuracies if reader.is_table() else accuracies[-1:]
    return {
        "validation_accuracy": sum(counted) / len(counted) if counted else None,
        "evaluations": [
            {
                **{name: getattr(each, name) for name in ("evaluation", "purpose", "seed", "status")},
                "validation_accuracy": each.score,
            }
            for each in trainings
        ],
    }


def _retraining(retraining: Retraining) -> dict[str, Any]:
    return {
        "final": retraining.number,
        "dataset": retraining.dataset["name"],
        "part": str(retraining.split),
        "seed": retraining.seed,
        "recipe": dict(retraining.recipe),
        "status": str(retraining.status),
        "validation_accuracy": retraining.score,
        "parameters": retraining.size,
        "weights": retraining.weights,
    }


def write_architecture(content: Mapping[str, Any], path: Path) -> None:
    """Write the content to a file."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_description(path: Path | str) -> dict[str, Any]:
    """The content of a file, checked: its kind and format, and that the network is what its figures say.

    Raises:
        ExportError: it cannot be read, or is no such file, or of a newer format, or contradicts itself.
    """
    try:
        content = json.loads(read_whole(path, _MOST_BYTES))
    except OSError as error:
        raise ExportError(f"{path}: expected a file that can be read, but {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{path}: expected JSON, as `metaqnn export --to NAME.json` writes it ({error})") from error
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise ExportError(f"{path}: expected an architecture, as `metaqnn export --to NAME.json` writes it")
    if content.get("format") != FORMAT:
        raise ExportError(
            f"{path}: expected format {FORMAT} of an architecture, got {shown(content.get('format'))}; upgrade metaqnn"
        )
    try:
        text, shape = content["architecture"], tuple(content["input_shape"])
        if not isinstance(text, str) or len(shape) != 3 or not all(type(size) is int and size > 0 for size in shape):
            raise TypeError(f"got {shown(text)} and {shown(shape)}")
        found = describe(text, shape)
    except (KeyError, TypeError, NotationError, IllegalArchitectureError) as error:
        raise ExportError(f"{path}: expected a network and the shape of its images, but {error}") from error
    for key, value in (("parameters", found.parameters), ("flops", found.flops)):
        if content.get(key) != value:
            raise ExportError(
                f"{path}: expected {value:,} {key} for {brief(str(found.architecture))}, got "
                f"{shown(content.get(key))}; the file was changed: export it again"
            )
    return content


def read_architecture(path: Path | str) -> Architecture:
    """The network in a file that `metaqnn export --to NAME.json` wrote.

    Raises:
        ExportError: see `read_description`.
    """
    return parse(read_description(path)["architecture"])


def build_described(path: Path | str) -> "keras.Model":
    """The network in such a file as a Keras model with fresh weights; see `networks.training.network.build_network`.

    Raises:
        ExportError: see `read_description`.
    """
    from metaqnn.networks.training.network import build_network

    content = read_description(path)
    return build_network(
        parse(content["architecture"]),
        tuple(content["input_shape"]),
        batch_normalization=content.get("batch_normalization", False),
    )
