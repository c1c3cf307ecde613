"""What the rules of early stopping would have saved in recorded searches, and whether they would have kept the best.

`python -m benchmarks.prediction DATABASE...` takes searches that trained every network to the end, replays each in
order, once with every rule, with the very classes that a search uses, and then trains the best network kept and the
best of all with other seeds.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from metaqnn.config import override, read_section
from metaqnn.core import Attempt, Candidate, CandidateFinished, Episode, Evaluation, Model, Prediction, Status
from metaqnn.networks.early_stopping import NetworkEarlyStopping, make_rule
from metaqnn.networks.stopping_rule import StoppingRule
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.replay.reader import ReplayReader
from metaqnn.workers.environment import usable_cores
from metaqnn.workers.evaluating import make_executor
from metaqnn.workflows import stored_components, stored_experiment
from metaqnn.workflows.components import build_evaluator
from metaqnn.workflows.experiment import Experiment

RULES = ("regression", "successive_halving", "extrapolation")


@dataclass(frozen=True)
class Replayed:
    """What a replay gave.

    Attributes:
        networks: trained in the recorded search.
        stopped_after: the epoch of each that was stopped.
        controls: judged to be stopped, and trained to the end all the same.
        epochs, saved: trained in the recorded search; not trained in the replay.
        errors: predicted less reached score, of the stopped and the controls.
        best, kept: (score, architecture) of the best network of all, and of the best trained to the end.
    """

    networks: int
    stopped_after: tuple[int, ...]
    controls: int
    epochs: int
    saved: int
    errors: tuple[float, ...]
    best: tuple[float, str]
    kept: tuple[float, str]


def replay(path: Path, section: Mapping[str, object]) -> Replayed:
    """Replay a recorded search as if `training.early_stopping` had been `section`."""
    with ReplayReader(path) as reader:
        experiment, parts = stored_experiment(reader), stored_components(reader)
        trained = [
            (episode, reader.known_model(episode.architecture), reader.evaluation(episode.evaluation))
            for episode in reader.episodes()
            if not episode.reused
        ]
    recorded = {"epochs": experiment.training.epochs, "restart_epoch": experiment.training.restart_epoch}
    read = read_section(TrainingConfig, {**recorded, "early_stopping": section}, "training", "--set")
    training = replace(experiment.training, early_stopping=read.early_stopping)
    early_stopping = NetworkEarlyStopping(training, parts.reward, experiment.search.lookahead, experiment.seed)
    epochs = saved = controls = 0
    errors, kept, all_results, stopped_after = [], [], [], []
    for episode, model, evaluation in trained:
        epochs += _length(evaluation)
        if evaluation.status is Status.OK:
            all_results.append((evaluation.score, episode.architecture))
        context, stop = early_stopping.context(episode.number, model), None
        if context is not None:
            stop = _first_stop(make_rule(training, context, parts.reward.score), evaluation)
        if stop is not None:
            attempt, verdict = stop
            if evaluation.status is Status.OK:
                errors.append(verdict.score - evaluation.score)
            if context.is_control:
                controls += 1
            else:
                shorter = _stopped(evaluation, attempt, verdict)
                stopped_after.append(verdict.step)
                saved += _length(evaluation) - _length(shorter)
                reward = parts.reward(verdict.score, model.costs)
                told = replace(episode, score=verdict.score, reward=reward, is_predicted=True)
                _learn(early_stopping, told, model, shorter)
                continue
        if evaluation.status is Status.OK:
            kept.append((evaluation.score, episode.architecture))
        _learn(early_stopping, episode, model, evaluation)
    best, best_kept = (max(results, key=lambda result: result[0]) for results in (all_results, kept))
    return Replayed(len(trained), tuple(stopped_after), controls, epochs, saved, tuple(errors), best, best_kept)


def _learn(early_stopping: NetworkEarlyStopping, episode: Episode, model: Model, evaluation: Evaluation) -> None:
    early_stopping.learn(episode, lambda: (model, evaluation))


def _length(evaluation: Evaluation) -> int:
    return sum(len(attempt.points) for attempt in evaluation.attempts)


def _first_stop(rule: StoppingRule, evaluation: Evaluation) -> tuple[int, Prediction] | None:
    """The place of the attempt that is stopped first, and what stops it."""
    last = len(evaluation.attempts) - 1
    for place, attempt in enumerate(evaluation.attempts):
        is_given_up = place < last or evaluation.status is not Status.OK  # after its last epoch, before anybody looked
        verdict = rule.first_verdict(attempt.points[:-1] if is_given_up else attempt.points)
        if verdict is not None:
            return place, verdict
    return None


def _stopped(evaluation: Evaluation, place: int, verdict: Prediction) -> Evaluation:
    shortened = Attempt(evaluation.attempts[place].points[: verdict.step])
    attempts = (*evaluation.attempts[:place], shortened)
    return replace(evaluation, status=Status.EARLY_STOPPED, score=verdict.score, attempts=attempts, prediction=verdict)


def train_with_seeds(experiment: Experiment, architectures: Sequence[str], seeds: int) -> dict[str, list[float]]:
    """Best validation scores of each network, trained with seeds that the search did not use."""
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
    return {a: [found[index * seeds + seed] for seed in range(seeds)] for index, a in enumerate(architectures)}


def table(results: Sequence[tuple[str, str, Replayed]], other_seeds: Mapping[tuple[str, str], list[float]]) -> str:
    """One line for each search and rule.

    Args:
        results: name of the search, name of the rule, what the replay gave.
        other_seeds: scores of networks trained again, by search and architecture; empty if none were.
    """
    lines = [
        "                                      stopped                      regret other",
        "search       rule               nets   n   at control  saved error  added  seeds",
    ]
    for search, rule, result in results:
        at = statistics.fmean(result.stopped_after) if result.stopped_after else 0.0
        error = 100 * statistics.fmean(map(abs, result.errors)) if result.errors else 0.0
        seeds = "-"
        if other_seeds:
            best, kept = (statistics.fmean(other_seeds[search, a]) for _, a in (result.best, result.kept))
            seeds = f"{100 * (kept - best):+.2f}"
        lines.append(
            f"{search[:12]:12s} {rule:18s} {result.networks:4d} {len(result.stopped_after):3d} {at:4.1f} "
            f"{result.controls:7d} {100 * result.saved / result.epochs:4.1f} % {error:5.2f} "
            f"{100 * (result.best[0] - result.kept[0]):6.2f} {seeds:>6s}"
        )
    lines.append("at: the mean epoch. In points: error, mean |predicted - reached|; regret, best")
    lines.append("of all less best kept; other seeds, best kept less best of all, trained again.")
    return "\n".join(lines)


def _sections(rules: Sequence[str], settings: Sequence[str]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The sections `early_stopping`, by name; settings that begin with a rule's name are its own."""
    for rule in rules:
        section: Mapping[str, object] = {"name": rule}
        for setting in settings:
            owner, _, rest = setting.partition(".")
            if owner == rule:
                section = override(section, rest)
        yield rule, section


@click.command()
@click.argument("databases", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--rule", "rules", type=click.Choice(RULES), multiple=True, help="[all of them]")
@click.option("--set", "settings", metavar="RULE.KEY=VALUE", multiple=True, help="A key of a rule, such as its best.")
@click.option("--seeds", default=5, show_default=True, help="How often the best networks are trained again.")
def main(databases: Sequence[Path], rules: Sequence[str], settings: Sequence[str], seeds: int) -> None:
    """Replay recorded searches with each rule and print what it would have saved and kept."""
    results, other_seeds = [], {}
    for path in databases:
        ran = [(path.stem, rule, replay(path, section)) for rule, section in _sections(rules or RULES, settings)]
        results += ran
        if seeds:
            with ReplayReader(path) as reader:
                experiment = stored_experiment(reader)
            best = dict.fromkeys(a for *_, result in ran for _, a in (result.best, result.kept))
            for architecture, scores in train_with_seeds(experiment, list(best), seeds).items():
                other_seeds[path.stem, architecture] = scores
                shown = " ".join(f"{100 * score:.2f}" for score in scores)
                print(f"{path.stem}: {architecture}: {shown}")
    print(table(results, other_seeds))


if __name__ == "__main__":
    main()
