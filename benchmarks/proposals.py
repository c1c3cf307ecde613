"""What a proposal and learning from it cost, early and late: `python -m benchmarks.proposals`.

Each strategy walks in the paper's CIFAR-10 space (18 layers), is told so many episodes of it, and then proposes and
learns fifty more times. SMAC and TPE, whose cost grows by nature, are left out.
"""

import statistics
import time
from zlib import crc32

import click

from metaqnn.core import Context, Episode
from metaqnn.core.plugins import installed, read_options
from metaqnn.networks.layer_space import LayerSpace, SpaceConfig
from metaqnn.seeding import Stream
from metaqnn.strategies.walks import random_walk

MEASURED = 50
"""Proposals that are timed at each point."""

LEFT_OUT = ("smac", "tpe")


def episode(number: int, architecture: str) -> Episode:
    """A told episode with a reward that follows from the network."""
    reward = 0.5 + crc32(architecture.encode()) % 1000 / 2000
    return Episode(number, number, {"epsilon": 0.1}, number, architecture, number, reward, reward, False)


@click.command()
@click.option("--evaluations", type=int, multiple=True, default=(100, 1000, 10_000), show_default=True)
def main(evaluations: tuple[int, ...]) -> None:
    """Print the median and the largest milliseconds of a proposal, of learning from it, and of both."""
    space = LayerSpace(SpaceConfig(), {"input_shape": (32, 32, 3), "classes": 10})
    walks = [
        random_walk(space, Stream(0, "proposals", number)).architecture for number in range(1, max(evaluations) + 1)
    ]
    print(f"{'strategy':<31} {'evaluations':>11} {'propose':>9} {'learn':>9} {'both':>9} {'largest':>9}   (ms)")
    for name, (plugin, *_) in installed("strategy").items():
        if name in LEFT_OUT:
            continue
        part = plugin.load()
        for preset, values in part.PRESETS.items():
            options = read_options(part, {"name": name, "preset": preset, **values}, "strategy", "benchmark")
            strategy, told = part(options, space, 0), 0
            for point in sorted(evaluations):
                while told < point - MEASURED:
                    strategy.tell(episode(told + 1, walks[told]))
                    told += 1
                asked, learned = [], []
                for _ in range(MEASURED):
                    began = time.perf_counter()
                    architecture = strategy.ask(Context(told + 1, 2700, told, 0), {"epsilon": 0.1}).architecture
                    between = time.perf_counter()
                    strategy.tell(episode(told + 1, architecture))
                    asked.append(1000 * (between - began))
                    learned.append(1000 * (time.perf_counter() - between))
                    told += 1
                both = [a + b for a, b in zip(asked, learned, strict=True)]
                figures = [statistics.median(asked), statistics.median(learned), statistics.median(both), max(both)]
                print(f"{name + ' ' + preset:<31} {point:>11,} " + " ".join(f"{figure:>9.3f}" for figure in figures))


if __name__ == "__main__":
    main()
