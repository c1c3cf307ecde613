"""What stopping early by prediction would have saved in a recorded search, and whether it would have kept the best.

`python -m benchmarks.prediction DATABASE` takes a search that trained every network to the end, replays it in order
with the very classes that a search uses, and then trains the best network kept and the best of all with other seeds.
"""

import statistics
from dataclasses import dataclass, replace
from pathlib import Path

import click

from metaqnn.core import Candidate, CandidateFinished, Status
from metaqnn.networks.curve_prediction import Predictor
from metaqnn.networks.early_stopping import NetworkEarlyStopping
from metaqnn.networks.training.config import EarlyStoppingConfig
from metaqnn.replay.reader import ReplayReader
from metaqnn.workers.environment import usable_cores
from metaqnn.workers.evaluating import make_executor
from metaqnn.workflows import stored_components, stored_experiment
from metaqnn.workflows.components import build_evaluator
from metaqnn.workflows.experiment import Experiment


@dataclass(frozen=True)
class Replayed:
    """What a replay gave.

    Attributes:
        networks: trained in the recorded search.
        stopped, controls: predicted not to be the best; and trained to the end all the same.
        epochs, saved: trained in the recorded search; not trained in the replay.
        errors: predicted less reached accuracy, of the stopped and the controls.
        best, kept: (accuracy, architecture) of the best network of all, and of the best trained to the end.
    """

    networks: int
    stopped: int
    controls: int
    epochs: int
    saved: int
    errors: tuple[float, ...]
    best: tuple[float, str]
    kept: tuple[float, str]


def replay(path: Path, config: EarlyStoppingConfig) -> Replayed:
    """Replay a recorded search as if `training.early_stopping` had been `config`."""
    with ReplayReader(path) as reader:
        experiment, parts = stored_experiment(reader), stored_components(reader)
        trained = [
            (episode, reader.known_model(episode.architecture), reader.evaluation(episode.evaluation))
            for episode in reader.episodes()
            if not episode.reused
        ]
    training = replace(experiment.training, early_stopping=config)
    early_stopping = NetworkEarlyStopping(training, parts.reward, experiment.search.lookahead, experiment.seed)
    epochs = saved = stopped = controls = 0
    errors, kept, all_results = [], [], []
    for episode, model, evaluation in trained:
        epochs += sum(len(attempt.points) for attempt in evaluation.attempts)
        if evaluation.status is not Status.OK:
            continue
        all_results.append((evaluation.score, episode.architecture))
        context, verdict = early_stopping.context(episode.number, model), None
        curve = evaluation.curve
        if context is not None:
            verdict = Predictor(config, training, context).first_verdict(curve)
        if verdict is not None:
            errors.append(verdict.score - evaluation.score)
            if not context.is_control:
                stopped += 1
                saved += len(curve) - verdict.step
                continue
            controls += 1
        kept.append((evaluation.score, episode.architecture))
        early_stopping.learn(episode, model, evaluation)
    best, best_kept = (max(results, key=lambda result: result[0]) for results in (all_results, kept))
    return Replayed(len(trained), stopped, controls, epochs, saved, tuple(errors), best, best_kept)


def train_with_seeds(experiment: Experiment, architectures: list[str], seeds: int) -> list[list[float]]:
    """Best validation accuracies of each network, trained with seeds that the search did not use."""
    executor = make_executor(build_evaluator(experiment), usable_cores())
    found: dict[int, float] = {}
    try:
        for index, architecture in enumerate(architectures):
            for seed in range(seeds):
                executor.submit(Candidate(index * seeds + seed, architecture, 1000 + seed))
        while len(found) < len(architectures) * seeds:
            for event in executor.results(0.2):
                if isinstance(event, CandidateFinished):
                    found[event.number] = event.evaluation.score or 0.0  # of a failure
    finally:
        executor.stop()
    return [[found[index * seeds + seed] for seed in range(seeds)] for index in range(len(architectures))]


@click.command()
@click.argument("database", type=click.Path(path_type=Path, exists=True))
@click.option("--seeds", default=5, show_default=True, help="How often the best networks are trained again.")
@click.option("--probability", default=EarlyStoppingConfig.probability, show_default=True)
@click.option("--best", default=EarlyStoppingConfig.best, show_default=True)
@click.option("--min-networks", default=EarlyStoppingConfig.min_networks, show_default=True)
def main(database: Path, seeds: int, probability: float, best: int, min_networks: int) -> None:
    """Replay a recorded search with early stopping and print what it would have saved and kept."""
    result = replay(database, EarlyStoppingConfig(probability, best, min_networks))
    with ReplayReader(database) as reader:
        experiment, images = stored_experiment(reader), reader.config()["data"]["validation_images"]
    print(f"{result.networks} networks, {result.epochs} epochs; probability {probability:g}, best {best}")
    print(f"stopped {result.stopped}, {result.controls} more trained to the end as controls")
    print(f"epochs saved: {result.saved} ({100 * result.saved / result.epochs:.1f} %)")
    if result.errors:
        error, bias = 100 * statistics.fmean(map(abs, result.errors)), 100 * statistics.fmean(result.errors)
        print(f"error of the prediction: {error:.2f} points in the mean, bias {bias:+.2f}")
    for name, (accuracy, architecture) in (("best of all", result.best), ("best kept", result.kept)):
        print(f"{name}: {round(accuracy * images)} of {images} validation images, {architecture}")
    if seeds:
        all_accuracies, kept = train_with_seeds(experiment, [result.best[1], result.kept[1]], seeds)
        for name, accuracies in (("best of all", all_accuracies), ("best kept", kept)):
            counts = [round(accuracy * images) for accuracy in accuracies]
            print(f"{name}, {seeds} other seeds: mean {statistics.fmean(counts):.1f} images {counts}")


if __name__ == "__main__":
    main()
