"""Whether a long search slows down or swells: `python -m benchmarks.endurance` trains 300 candidates in a row.

The candidates are networks of the digits space, trained by the workers of a search as `metaqnn search digits` has
them. The first twenty come again as the last twenty, which a search itself would not do. Printed are the peak memory
of all processes together in each fifty, and how much longer the last twenty took than the first.
"""

import statistics
import threading
import time

import click
import psutil

from metaqnn.core import Candidate, CandidateFinished, CandidateStarted
from metaqnn.seeding import Stream
from metaqnn.workers.environment import usable_cores
from metaqnn.workers.evaluating import make_executor
from metaqnn.workflows import load_experiment
from metaqnn.workflows.components import build_evaluator, build_space

AGAIN = 20
STAGE = 50


def networks(count: int) -> list[str]:
    """So many networks of the digits space, walked at random; the first come again at the end."""
    space = build_space(load_experiment("digits"), {"input_shape": (8, 8, 1), "classes": 10})
    found = []
    for number in range(count - AGAIN):
        stream = Stream(0, "endurance", number)
        found.append(space.walk(lambda _, choices, stream=stream: stream.integer(len(choices))).architecture)
    return found + found[:AGAIN]


class MemorySampler(threading.Thread):
    """The peak of the resident memory of this process and its descendants, by stages that the caller names."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stage, self.peaks, self._is_over = 0, {}, threading.Event()

    def run(self) -> None:
        """Look twenty times a second."""
        me = psutil.Process()
        while not self._is_over.wait(0.05):
            held = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    held += process.memory_info().rss
                except psutil.Error:
                    continue
            self.peaks[self.stage] = max(held, self.peaks.get(self.stage, 0))

    def stop(self) -> None:
        """Look no more."""
        self._is_over.set()
        self.join()


@click.command()
@click.option("--candidates", type=click.IntRange(min=100), default=300, show_default=True)
def main(candidates: int) -> None:
    """Train and print."""
    experiment = load_experiment("digits")
    workers = min(usable_cores(), experiment.search.lookahead)
    executor = make_executor(build_evaluator(experiment), workers)
    architectures = networks(candidates)
    sampler = MemorySampler()
    sampler.start()
    began, started, seconds, submitted = time.perf_counter(), {}, {}, 0
    try:
        while len(seconds) < candidates:
            while submitted < min(candidates, len(seconds) + workers):
                executor.submit(Candidate(submitted, architectures[submitted], 0))
                submitted += 1
            for event in executor.results(0.2):
                if isinstance(event, CandidateStarted):
                    started[event.number] = time.perf_counter()
                elif isinstance(event, CandidateFinished):
                    seconds[event.number] = time.perf_counter() - started[event.number]
                    sampler.stage = len(seconds) // STAGE
                    if len(seconds) % STAGE == 0:
                        print(f"{len(seconds)} candidates in {time.perf_counter() - began:.0f} s", flush=True)
    finally:
        executor.stop()
        sampler.stop()
    peaks = [sampler.peaks[stage] / 2**20 for stage in range(candidates // STAGE)]
    for stage, peak in enumerate(peaks):
        print(f"candidates {stage * STAGE + 1:3} to {(stage + 1) * STAGE:3}: peak of all processes {peak:,.0f} MiB")
    ratios = [seconds[candidates - AGAIN + number] / seconds[number] for number in range(AGAIN)]
    first, last = (sum(seconds[start + n] for n in range(AGAIN)) for start in (0, candidates - AGAIN))
    print(f"memory, the last {STAGE} over the first {2 * STAGE}: {peaks[-1] / max(peaks[:2]):.3f}")
    print(f"time of the same {AGAIN} networks, last over first, median: {statistics.median(ratios):.3f}")
    print(f"the same, all {AGAIN} together: {last / first:.3f}")


if __name__ == "__main__":
    main()
