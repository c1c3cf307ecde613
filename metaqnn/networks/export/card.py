"""The model card beside an export: a README.md with the metadata that the Hugging Face Hub reads.

Its figures are those that the database holds, and what the export itself measured on validation images.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from metaqnn.core import Retraining, Score, TestLook, TrainingSplit, share_interval
from metaqnn.networks.export.architecture_file import describe_network
from metaqnn.networks.export.formats import ExportFormat
from metaqnn.networks.targets import recorded_target
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retrainings, read_test_looks

_MOST_NAMES = 100
"""Classes whose names a card lists."""


_ACCURACY = Score("accuracy", low=0.0, high=1.0, is_share=True)


@dataclass(frozen=True)
class _Words:
    """How a card speaks of a target."""

    task: str
    gives: str
    use: str
    limits: tuple[str, str]


_WORDS = {
    "classes": _Words(
        "image-classification",
        "probabilities of {} classes",
        "To classify images",
        (
            "- It knows only these classes: any image gets one of them, often with a high probability.",
            "- The probabilities are those of a softmax, which nothing calibrated.",
        ),
    ),
    "labels": _Words(
        "image-classification",
        "a probability for each of {} labels, any number of which may hold",
        "To label images",
        (
            "- It knows only these labels; one is said to hold where its probability is above 0.5.",
            "- The probabilities are those of sigmoids, which nothing calibrated.",
        ),
    ),
    "numbers": _Words(
        "image-regression",
        "{} numbers in the unit of the training data",
        "To predict these numbers of images",
        (
            "- It answers with numbers for any image; beyond the range of the training data nothing was measured.",
            "- It says nothing of how sure it is.",
        ),
    ),
}


@dataclass(frozen=True)
class KnownFacts:
    """What a database knows of a trained network.

    Attributes:
        description: as in the architecture file; the class names are of the very images, or None.
        retraining: the network.
        strategy: of the search.
        search_images: on which the search validated; None where the database does not say.
        models: architectures that the search proposed.
        retrainings: how many trainings the database has.
        looks: at a test split with this very network alone.
        all_looks: how many the database has.
    """

    description: dict[str, Any]
    retraining: Retraining
    strategy: str
    search_images: int | None
    models: int
    retrainings: int
    looks: tuple[TestLook, ...]
    all_looks: int


@dataclass(frozen=True)
class ValidationScore:
    """Of the original and of the export, on the same validation images.

    Attributes:
        before, after: by the score.
        images: how many.
        calibration: on how many of them whole numbers were calibrated; 0 for floats.
        score: what is measured.
    """

    before: float
    after: float
    images: int
    calibration: int = 0
    score: Score = _ACCURACY


def read_facts(reader: ReplayReader, retraining: Retraining) -> KnownFacts:
    """What the database knows of a trained network; the images are not read."""
    config, looks = reader.config(), read_test_looks(reader)
    return KnownFacts(
        describe_network(reader, retraining.model, retraining, has_images=False),
        retraining,
        str(config["experiment"].get("strategy", {}).get("name", "none")),
        config.get("data", {}).get("validation_images"),
        len(reader.models()),
        len(read_retrainings(reader)),
        tuple(look for look in looks if look.kind == "network" and look.retrainings == (retraining.number,)),
        len(looks),
    )


@dataclass(frozen=True)
class _Score:
    what: str
    split: str
    value: float
    images: int | None
    score: Score

    def row(self) -> str:
        interval = "-"
        if self.images and self.score.is_share:
            low, high = share_interval(self.value, self.images)
            interval = f"{100 * low:.2f} % to {100 * high:.2f} %"
        return f"| {self.what} | {self.images or '-'} | {self.score.words(self.value)} | {interval} |"


def model_card(
    facts: KnownFacts, file_format: ExportFormat, name: str, takes: str, measured: ValidationScore | None
) -> str:
    """The text of the card.

    Args:
        facts: of the network.
        file_format, name: of the export.
        takes: what it takes, in words.
        measured: before and after, where it was.
    """
    known, retraining = facts.description, facts.retraining
    target = recorded_target(retraining.data)
    words, score = _WORDS[target.kind], target.score
    dataset, scores = _dataset_name(known["dataset"]), _scores(facts, measured)
    metadata: dict[str, Any] = {
        "library_name": file_format.library,
        **({"pipeline_tag": words.task} if target.kind != "numbers" else {}),  # a task that the Hub has no name for
        "tags": [words.task, "neural-architecture-search", "metaqnn", *_tags(file_format)],
        "datasets": [dataset],
        "metrics": [score.name],
    }
    if scores:  # the Hub takes no index without results
        metadata["model-index"] = [
            {"name": Path(name).stem, "results": [_result(dataset, words.task, each) for each in scores]}
        ]
    paragraphs = [
        f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---",
        f"# {_plain(Path(name).stem)}",
        f"A convolutional network for images of {_code(dataset)}, found by the search "
        f"{_code(known['source']['experiment'])} and retrained by metaqnn {known['metaqnn_version']}, as a "
        f"{file_format.name}:",
        _code(known["architecture"]),
        f"{known['parameters']:,} parameters and {known['flops']:,} floating-point operations for an image, batch "
        "normalization left out.",
        "## Use",
        f"```python\n{file_format.snippet(Path(name))}\n```",
        f"It takes {takes}, and gives {words.gives.format(known['classes'])}: {_names(known['class_names'])}. The "
        f"preprocessing is part of it: {known['preprocessing']['text']}.",
        "## Data",
        _data_sentence(dataset, retraining),
        "## Search",
        f"Strategy {_code(facts.strategy)}, seed {known['source']['seed']}: {facts.models:,} architectures were "
        f"proposed, of which this is number {retraining.model}. It is retraining {retraining.number} of "
        f"{facts.retrainings} in the database, with seed {retraining.seed} and this recipe: "
        f"{_code(_recipe(retraining.recipe))}.",
        "## Scores",
        "\n".join(
            [
                f"| What | Images | {_heading(score)} | 95 % interval |",
                "|---|---|---|---|",
                *(each.row() for each in scores),
            ]
        ),
        f"{_INTERVALS if score.is_share else ''}The validation images chose this architecture, so "
        f"{'accuracies' if score.name == 'accuracy' else 'scores'} on them are "
        f"{'higher' if score.name == 'accuracy' else 'better'} than on images that chose nothing. "
        f"Looks at test splits in the database: {facts.all_looks}, with this network alone: {len(facts.looks)}.",
        "## Intended use",
        f"{words.use} that are made as those of {_code(dataset)} are, and to compare architectures. Measure it "
        "on images of your own before anything depends on it.",
        "## Limits",
        "\n".join(
            [
                *words.limits,
                "- It was not measured on images of other sources, sizes, colours or scales.",
                *_int8_limit(measured),
            ]
        ),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _scores(facts: KnownFacts, measured: ValidationScore | None) -> list[_Score]:
    retraining, searched = facts.retraining, facts.description["search"]["validation_accuracy"]
    validation = retraining.data.get("validation_images")
    scores, score = [], recorded_target(retraining.data).score
    if searched is not None:
        scores.append(_Score("validation, in the search", "validation", searched, facts.search_images, score))
    if retraining.score is not None:
        scores.append(_Score("validation, after retraining", "validation", retraining.score, validation, score))
    if measured and retraining.split is TrainingSplit.TRAIN:
        kind = f"in int8, calibrated on {measured.calibration} of them" if measured.calibration else "in this file"
        scores.append(_Score("validation, before the export", "validation", measured.before, measured.images, score))
        scores.append(_Score(f"validation, {kind}", "validation", measured.after, measured.images, score))
    return scores + [
        _Score(f"test, look {look.look} ({look.looked_at[:10]})", "test", look.score, look.examples, score)
        for look in facts.looks
    ]


def _heading(score: Score) -> str:
    return "Accuracy" if score.name == "accuracy" else score.label


_INTERVALS = "Intervals (Wilson) are over other images of this kind, not over other trainings. "


def _tags(file_format: ExportFormat) -> list[str]:
    return [file_format.library, *(["int8"] if file_format.most_lost else [])]


def _result(dataset: str, task: str, score: _Score) -> dict[str, Any]:
    return {
        "task": {"type": task},
        "dataset": {"type": dataset, "name": dataset, "split": score.split},
        "metrics": [{"type": score.score.name, "name": score.what, "value": score.value}],
    }


def _dataset_name(name: str) -> str:
    """Without the folders of a path, which are nobody's business."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).name).strip("-.") or "images"


def _data_sentence(dataset: str, retraining: Retraining) -> str:
    data = retraining.data
    train, validation, key = (data.get(name, "?") for name in ("train_images", "validation_images", "data_hash"))
    learned = "both parts" if retraining.split is TrainingSplit.TRAIN_AND_VALIDATION else "the training images alone"
    return (
        f"{_code(dataset)}, {train} training and {validation} validation images of "
        f"{' x '.join(map(str, data['input_shape']))} (height, width, channels); this network learned from {learned}. "
        f"SHA-256 of all of them: {_code(key)}."
    )


def _names(names: list[str] | None) -> str:
    if names is None:
        return "their names are not known, as the very images were not there"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(_code(name) for name in names[:_MOST_NAMES]) + more


def _recipe(recipe: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in recipe.items() if isinstance(value, str | int | float))


def _int8_limit(measured: ValidationScore | None) -> list[str]:
    if not measured or not measured.calibration:
        return []
    return [
        f"- Its numbers have 8 bits, in ranges that were chosen on {measured.calibration} validation images without "
        "their labels; of images unlike those it may lose more than was measured."
    ]


def _plain(text: object) -> str:
    """A text of a database, which may come from anybody, on one line and without Markdown."""
    return re.sub(r"[`<>|\[\]\s]+", " ", str(text)).strip()


def _code(text: object) -> str:
    return f"`{' '.join(str(text).replace('`', ' ').split())}`"
