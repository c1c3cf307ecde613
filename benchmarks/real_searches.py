"""Strategies compared by searches that train: the best accuracy so far, and what of it is left with other seeds.

`python -m benchmarks.real_searches digits --strategies q_learning,random` searches with each strategy and seed, one
after another, into a database each, and then trains the best networks of each search with other seeds, so that the luck
by which they were the best is taken out. The same command goes on where it was interrupted.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from benchmarks.prediction import train_with_seeds
from metaqnn.files import written_whole
from metaqnn.replay.reader import ReplayReader
from metaqnn.reports.regret import interval
from metaqnn.workflows import stored_experiment


def search(
    experiment: str, strategy: str, seed: int, models: int, database: Path, settings: Sequence[str] = ()
) -> None:
    """Search, or go on with the same settings; the strategy with its own in place of the experiment's."""
    command = [sys.executable, "-m", "metaqnn", "resume" if database.exists() else "search", experiment]
    for setting in (f"search.models={models}", *settings):
        command += ["--set", setting]
    command += ["--db", str(database), "--strategy", strategy, "--seed", str(seed)]
    ended = subprocess.run([*command, "--quiet"], check=False, stdout=subprocess.DEVNULL)
    if ended.returncode:
        raise SystemExit(ended.returncode)  # it has said why


def measured(database: Path) -> dict[str, float]:
    """The accuracies of a search's networks, in order; that of a failure is 0."""
    with ReplayReader(database) as reader:
        return {e.architecture: e.score or 0.0 for e in reader.episodes() if not e.reused}


def retrained(database: Path, count: int, seeds: int) -> float:
    """The mean accuracy of the best networks of a search, trained with other seeds; kept beside the database."""
    kept = database.with_suffix(f".{count}x{seeds}.json")
    if not kept.exists():
        results = measured(database)
        best = sorted(results, key=lambda architecture: -results[architecture])[:count]
        with ReplayReader(database) as reader:
            accuracies = train_with_seeds(stored_experiment(reader), best, seeds)
        with written_whole(kept) as path:
            path.write_text(json.dumps(accuracies, indent=1))
    return statistics.fmean(value for row in json.loads(kept.read_text()).values() for value in row)


def mean_and_half(values: Sequence[float]) -> str:
    """The mean in percent, with half of its 95 % interval (`nan` of a single value)."""
    found = interval(values)
    return f"{100 * found.mean:6.2f} ±{100 * (found.high - found.mean):.2f}"


def table(found: Mapping[str, Sequence[Sequence[float]]], columns: Sequence[str]) -> str:
    """What each strategy reached, and the first one's lead over each of the others, seed by seed."""
    first, *others = found
    lines = [f"{'%':24}" + "".join(f"{column:>15}" for column in columns)]
    for strategy, runs in found.items():
        lines.append(f"{strategy:24}" + "".join(f"{mean_and_half(each):>15}" for each in zip(*runs, strict=True)))
    for other in others:
        pairs = zip(found[first], found[other], strict=True)
        leads = zip(*([a - b for a, b in zip(*pair, strict=True)] for pair in pairs), strict=True)
        lines.append(f"{'lead over ' + other:24}" + "".join(f"{mean_and_half(each):>15}" for each in leads))
    return "\n".join(lines)


@click.command()
@click.argument("experiment")
@click.option("--strategies", default="q_learning,regularized_evolution,random,gaussian_process", show_default=True)
@click.option("--seeds", default=10, show_default=True, help="Searches with each strategy.")
@click.option("--models", default=100, show_default=True, help="Networks of each search.")
@click.option("--at", default="25,50,100", show_default=True, help="After so many the best so far is compared.")
@click.option("--best", default=5, show_default=True, help="Networks of each search that are trained again.")
@click.option("--trainings", default=3, show_default=True, help="How often, with other seeds; 0 leaves it out.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Of every search, as for metaqnn search.")
@click.option("--out", type=click.Path(path_type=Path), default="build/real_searches", show_default=True)
def main(
    experiment: str,
    strategies: str,
    seeds: int,
    models: int,
    at: str,
    best: int,
    trainings: int,
    settings: tuple[str, ...],
    out: Path,
) -> None:
    """Search EXPERIMENT with several strategies and print what the networks found are worth."""
    out.mkdir(parents=True, exist_ok=True)
    points = [min(int(point), models) for point in at.split(",")]
    columns = [f"at {point}" for point in points] + [f"best {best} again"] * bool(trainings)
    found: dict[str, list[list[float]]] = {strategy: [] for strategy in strategies.split(",")}
    for seed in range(seeds):
        for strategy, runs in found.items():
            database = out / f"{Path(experiment).stem}-{strategy}-{seed}.sqlite"
            search(experiment, strategy, seed, models, database, settings)
            scores = list(measured(database).values())
            row = [max(scores[:point]) for point in points]
            runs.append(row + ([retrained(database, best, trainings)] if trainings else []))
            print(f"{strategy}, seed {seed}: " + " ".join(f"{100 * value:.2f}" for value in runs[-1]), flush=True)
        print(f"\n{seed + 1} seeds, half of the 95 % interval behind ±\n{table(found, columns)}\n", flush=True)


if __name__ == "__main__":
    main()
