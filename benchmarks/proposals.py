"""What a proposal and learning from it cost, early and late: `python -m benchmarks.proposals`.

Each strategy walks in the paper's CIFAR-10 space (18 layers), in a chain of eight choices of three, or through fifteen
layers of four choices with an anchor for each earlier layer (165 decisions). It is told so many episodes, and then
proposes and learns sixty more times. Where a strategy fits a model anew now and then, the mean has its share of that,
and the largest is one that does. SMAC and TPE, whose cost grows by nature, are left out.
"""

import statistics
import time
from zlib import crc32

import click

from metaqnn.core import Context, Episode, Space
from metaqnn.core.plugins import installed, read_options
from metaqnn.networks.spaces.config import SpaceConfig
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.seeding import Stream
from metaqnn.strategies.walks import random_walk
from metaqnn.tables.chain import ChainConfig, ChainSpace

MEASURED = 60
"""Proposals that are timed at each point."""

LEFT_OUT = ("smac", "tpe")


class Anchors(Space):
    """Fifteen layers: filter height, width, number and stride, then of each earlier layer whether it is an input."""

    LAYERS = 15
    CHOICES = (("h1", "h3", "h5", "h7"), ("w1", "w3", "w5", "w7"), ("n24", "n36", "n48", "n64"), ("s1", "s2", "s3"))
    PLACES = tuple((layer, step) for layer in range(LAYERS) for step in range(4 + layer))

    all_actions = (*(choice for choices in CHOICES for choice in choices), "-", *(f"@{j}" for j in range(LAYERS - 1)))
    max_steps = len(PLACES)

    def initial_state(self):
        """Nothing is chosen."""
        return ()

    def is_terminal(self, state):
        """Every choice is made."""
        return len(state) == self.max_steps

    def step(self, state, action):
        """One more choice."""
        return (*state, action)

    def key(self, state):
        """How many choices were made, and the last of them."""
        return f"{len(state)}:{''.join(state[-1:])}"

    def parse(self, text):
        """Choices between spaces."""
        return tuple(text.split())

    def format(self, actions):
        """The reverse."""
        return " ".join(actions)

    def actions(self, state):
        """Of the layer's next choice, or of its next anchor."""
        _, step = self.PLACES[len(state)]
        return self.CHOICES[step] if step < 4 else ("-", f"@{step - 4}")

    def joined_step(self, state, action):
        """The last of the four choices of the layer that is joined."""
        return self.PLACES.index((int(action[1:]), 3)) if action.startswith("@") else None


def episode(number: int, architecture: str) -> Episode:
    """A told episode with a reward that follows from the network."""
    reward = 0.5 + crc32(architecture.encode()) % 1000 / 2000
    return Episode(number, number, {"epsilon": 0.1}, number, architecture, number, reward, reward, False)


@click.command()
@click.option("--evaluations", type=int, multiple=True, default=(100, 1000, 10_000), show_default=True)
@click.option("--strategy", "only", multiple=True, help="Only these. [all]")
@click.option("--space", "kind", type=click.Choice(["layers", "chain", "anchors"]), default="layers", show_default=True)
def main(evaluations: tuple[int, ...], only: tuple[str, ...], kind: str) -> None:
    """Print milliseconds of the processor for a proposal and for learning from it (medians), and for both."""
    space: Space = LayerSpace(SpaceConfig(), {"input_shape": (32, 32, 3), "classes": 10})
    if kind == "chain":
        space = ChainSpace(ChainConfig("chain", (3,) * 8))
    if kind == "anchors":
        space = Anchors()
    walks = [
        random_walk(space, Stream(0, "proposals", number)).architecture for number in range(1, max(evaluations) + 1)
    ]
    names = ("propose", "learn", "both", "mean", "largest")
    print(f"{'strategy':<31} {'evaluations':>11} " + " ".join(f"{name:>9}" for name in names) + "   (ms)")
    for name, (plugin, *_) in installed("strategy").items():
        if name in LEFT_OUT or (only and name not in only):
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
                    began = time.process_time()
                    architecture = strategy.ask(Context(told + 1, 2700, told, 0), {"epsilon": 0.1}).architecture
                    between = time.process_time()
                    strategy.tell(episode(told + 1, architecture))
                    asked.append(1000 * (between - began))
                    learned.append(1000 * (time.process_time() - between))
                    told += 1
                both = [a + b for a, b in zip(asked, learned, strict=True)]
                medians = [statistics.median(each) for each in (asked, learned, both)]
                figures = [*medians, statistics.fmean(both), max(both)]
                print(f"{name + ' ' + preset:<31} {point:>11,} " + " ".join(f"{figure:>9.3f}" for figure in figures))


if __name__ == "__main__":
    main()
