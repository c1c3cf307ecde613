"""Spaces, or strategies in one of them, compared by searches that train, with equal epochs and limits.

`python -m benchmarks.spaces` searches CIFAR-10's quick experiments of chains of layers, skip connections and blocks, a
database for each strategy and seed, and prints what the best networks are worth on the validation images, what they
cost, and how long the search took. The same command goes on where it was interrupted.
"""

import statistics
import subprocess
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import click

from metaqnn.replay.reader import ReplayReader

EXPERIMENTS = ("cifar10_quick", "nas_rl_cifar10_quick", "block_qnn_cifar10_quick")


def search(experiment: str, strategy: str, seed: int, models: int, settings: Sequence[str], database: Path) -> None:
    """Search, or go on."""
    is_new = not database.exists()
    command = [sys.executable, "-m", "metaqnn", "search" if is_new else "resume"]
    command += [experiment, "--db", str(database)] if is_new else [str(database)]
    if is_new:
        command += ["--strategy", strategy, "--seed", str(seed), "--models", str(models)]
        command += [part for setting in settings for part in ("--set", setting)]
    subprocess.run([*command, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def row_of(database: Path) -> dict[str, float]:
    """The best accuracy of a search, the mean of its five best, parameters of the best, failures, and seconds."""
    with ReplayReader(database) as reader:
        episodes = [episode for episode in reader.episodes() if not episode.reused]
        costs = {model.model: model.costs for model in reader.models()}
        (seconds,) = reader.query("SELECT sum(train_seconds) FROM evaluations")[1][0]
    ranked = sorted((e for e in episodes if e.score is not None), key=lambda e: -(e.score or 0.0))
    return {
        "best": ranked[0].score or 0.0,
        "five best": statistics.fmean(e.score or 0.0 for e in ranked[:5]),
        "all": statistics.fmean(e.score or 0.0 for e in ranked),
        "parameters": costs[ranked[0].model]["parameters"],
        "failed": len(episodes) - len(ranked),
        "minutes": seconds / 60,
    }


@click.command()
@click.option("--experiments", default=",".join(EXPERIMENTS), show_default=True)
@click.option("--strategies", default="q_learning", show_default=True, help="Such as q_learning,random.")
@click.option("--seeds", default=2, show_default=True, help="Searches of each space.")
@click.option("--models", default=30, show_default=True, help="Networks of each search.")
@click.option("--set", "settings", multiple=True, help="A key of every experiment, such as training.epochs=4.")
@click.option("--out", type=click.Path(path_type=Path), default="build/spaces", show_default=True)
def main(experiments: str, strategies: str, seeds: int, models: int, settings: tuple[str, ...], out: Path) -> None:
    """Search in each space by each strategy and print what was found."""
    out.mkdir(parents=True, exist_ok=True)
    pairs = product(experiments.split(","), strategies.split(","))
    rows: dict[tuple[str, str], list[dict[str, float]]] = {pair: [] for pair in pairs}
    for seed in range(seeds):
        for (experiment, strategy), found in rows.items():
            database = out / f"{experiment}-{strategy}-{seed}.sqlite"
            search(experiment, strategy, seed, models, settings, database)
            found.append(row_of(database))
            print(f"{experiment}, {strategy}, seed {seed}: {found[-1]}", flush=True)
    names = list(next(iter(rows.values()))[0])
    print(f"\n{'mean of ' + str(seeds) + ' seeds':46}" + "".join(f"{name:>11}" for name in names))
    for (experiment, strategy), found in rows.items():
        means = {name: statistics.fmean(row[name] for row in found) for name in names}
        shares = ("best", "five best", "all")
        texts = [f"{100 * means[n]:.2f} %" if n in shares else f"{means[n]:,.0f}" for n in names]
        print(f"{experiment:23} {strategy:22}" + "".join(f"{text:>11}" for text in texts))


if __name__ == "__main__":
    main()
