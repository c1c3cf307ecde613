"""What whole numbers of 8 bits cost and save: `python -m benchmarks.int8` prints the table of RESULTS.md.

Each network is trained by the retraining recipe of its experiment (on MNIST over the 12,000 images of `mnist_quick`,
with 10,000 others for validation) and written as a `.tflite` file three times: in floats, and in whole numbers with a
scale per channel and with one per layer. Ranges are chosen as an export does; the test splits are not read.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from metaqnn.core import TrainingSplit
from metaqnn.networks.costs import describe
from metaqnn.networks.data import load_search_data
from metaqnn.networks.export.conversion import BATCH
from metaqnn.networks.export.export import MOST_CALIBRATED
from metaqnn.networks.export.reloading import spread
from metaqnn.networks.retraining.images import retraining_images
from metaqnn.networks.retraining.trainer import RetrainingSession
from metaqnn.networks.training.device import prepare_device
from metaqnn.workflows import load_experiment

if TYPE_CHECKING:
    import keras

_NETWORKS = {
    "digits": (
        "[C(32,5,1), C(64,5,1), C(16,3,1), C(64,5,1), C(16,3,1), C(16,1,1), SM(10)]",
        "[C(16,5,1), SM(10)]",
        "[C(16,3,1), C(64,1,1), C(64,3,1), C(32,1,1), P(2,2), C(16,1,1), SM(10)]",
        "[C(64,3,1), P(2,2), FC(1024), SM(10)]",
    ),
    "mnist_quick": (
        "[C(16,3,1), C(64,1,1), P(3,2), C(16,3,1), P(2,2), C(16,1,1), SM(10)]",
        "[C(32,3,1), P(3,2), C(16,3,1), GAP(10), SM(10)]",
        "[C(32,3,1), P(3,2), GAP(10), SM(10)]",
        "[C(32,3,1), P(2,2), C(64,3,1), P(2,2), FC(300), SM(10)]",
    ),
}
"""By experiment: three that a search found, and a large one."""

_CHANGES = {"digits": (), "mnist_quick": ("dataset.validation_size=10000",)}


def right(answers: Sequence[np.ndarray], labels: np.ndarray) -> int:
    """How many images get their class."""
    return int((np.concatenate(answers).argmax(axis=1) == labels).sum())


def measure(model: "keras.Sequential", images: np.ndarray, labels: np.ndarray, folder: Path) -> list[tuple[int, int]]:
    """Bytes, and how many images are right, of the three files of a network."""
    from ai_edge_litert.interpreter import Interpreter

    from metaqnn.networks.export.litert_file import write_litert

    found, calibration = [], images[spread(len(images), MOST_CALIBRATED)]
    for ranges, is_per_channel in ((None, True), (calibration, True), (calibration, False)):
        path = folder / "network.tflite"
        write_litert(model, path, ranges, is_per_channel)
        predict = Interpreter(str(path)).get_signature_runner()
        batches = np.split(images, range(BATCH, len(images), BATCH))
        found.append((path.stat().st_size, right([predict(images=x)["probabilities"] for x in batches], labels)))
    return found


@click.command()
@click.option("--only", type=click.Choice(list(_NETWORKS)), help="The networks of one experiment.")
@click.option("--epochs", type=click.IntRange(min=1), help="Of each training. [the experiment's]")
def main(only: str | None, epochs: int | None) -> None:
    """Train, convert and print."""
    prepare_device()
    accuracies = ("Before", "Floats", "int8 per channel", "int8 per layer")
    sizes = ("Floats, bytes", "per channel", "Ratio", "per layer", "Ratio")
    titles = ("Data", "Network", "Parameters", *accuracies, *sizes)
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    for name, networks in _NETWORKS.items():
        if only in (None, name):
            _measure_networks(name, networks, epochs)


def _measure_networks(name: str, networks: Sequence[str], epochs: int | None) -> None:
    experiment = load_experiment(name, _CHANGES[name])
    recipe = experiment.final if epochs is None else replace(experiment.final, epochs=epochs)
    data = load_search_data(experiment.dataset, experiment.seed)
    learned = retraining_images(data, TrainingSplit.TRAIN, experiment.dataset, recipe)
    images, labels = data.x_validation, data.y_validation
    for text in networks:
        session = RetrainingSession(text, learned, recipe, experiment.seed)
        for _ in range(recipe.num_epochs):
            session.run_epoch()
        model = session.network()
        before = right([model.predict(images, batch_size=BATCH, verbose=0)], labels)
        with tempfile.TemporaryDirectory() as folder:
            files = measure(model, images, labels, Path(folder))
        session.close()
        shares = [f"{100 * count / len(labels):.2f} %" for count in (before, *(count for _, count in files))]
        (floats, _), *whole = files
        sizes = [f"{floats:,}", *(text for size, _ in whole for text in (f"{size:,}", f"{size / floats:.3f}"))]
        parameters = f"{describe(text, data.input_shape).parameters:,}"
        cells = (f"{experiment.dataset.name}, {len(labels):,} images", f"`{text}`", parameters, *shares, *sizes)
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
