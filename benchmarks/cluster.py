"""A search on a Ray cluster whose nodes are processes of this machine: what it costs, and what happens when parts die.

`python -m benchmarks.cluster overhead` compares an evaluator that answers at once behind pipes and behind actors.
`nodes` kills a node ten times in the middle of searches, `drivers` the command twenty times; the rows must be those of
a search that nobody disturbed. `copies` looks at the memory of ten workers of one node that hold the same images.
"""

import itertools
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks.actors import actors, hold_all, kibibytes, mapped
from benchmarks.holding import WAITS_FOR
from metaqnn.errors import MetaqnnError
from metaqnn.replay.reader import ReplayReader

_EXPERIMENT = """
name: cluster
space: {{name: chain, choices: [5, 5, 5, 5, 5, 5]}}
evaluator: {{name: function, function: "benchmarks.cluster:{function}"}}
strategy: {{name: random}}
search: {{models: {models}, lookahead: 2}}
"""

_HOLDING = """
name: copies
space: {{name: layers, max_depth: 3, convolution: {{filters: [4, 8], receptive_fields: [1, 3]}}}}
evaluator: {{name: "benchmarks.holding:Holding", data: {dataset}}}
strategy: {{name: random}}
search: {{models: {workers}, lookahead: {lookahead}, cluster: {{address: "{address}", memory: 0.25}}}}
"""


def at_once(architecture: Any) -> float:
    """A score that takes no time."""
    return float(sum(map(ord, architecture.text)))


def slowly(architecture: Any) -> float:
    """A score that takes from 0.1 to 0.4 seconds."""
    time.sleep(0.1 + 0.3 * (hash_of(architecture.text) % 100) / 100)
    return at_once(architecture)


def hash_of(text: str) -> int:
    """A number of a text that is the same everywhere."""
    return sum(place * ord(letter) for place, letter in enumerate(text, start=1))


@contextmanager
def nodes_of_this_machine(count: int, cpus: int = 1) -> Iterator[Any]:
    """A cluster of a head without processors and so many nodes with one, or more."""
    from ray.cluster_utils import Cluster

    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 makes way for what runs beside, and pipes have 0
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        cluster.nodes = [cluster.add_node(num_cpus=cpus) for _ in range(count)]
        yield cluster
    finally:
        cluster.shutdown()


def searching(folder: Path, function: str, models: int, database: str, *words: str) -> subprocess.Popen[str]:
    """A search of chains as a command."""
    return _command(folder, _EXPERIMENT.format(function=function, models=models), database, *words)


def _command(folder: Path, experiment: str, database: str, *words: str) -> subprocess.Popen[str]:
    (folder / "cluster.yaml").write_text(experiment, encoding="utf-8")
    command = [sys.executable, "-m", "metaqnn", "search", "cluster.yaml", "--db", database, "--quiet", *words]
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.DEVNULL, text=True
    )


def gaps(database: Path) -> list[float]:
    """Milliseconds between episodes."""
    with ReplayReader(database) as reader:
        _, rows = reader.query("SELECT recorded_at FROM replay WHERE reused = 0 ORDER BY episode")
    times = [1000 * datetime.fromisoformat(row[0]).timestamp() for row in rows]
    return [after - before for before, after in itertools.pairwise(times)]


def rows(database: Path) -> list[tuple[Any, ...]]:
    """What must be equal."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return [
            *connection.execute("SELECT model, architecture, costs FROM models ORDER BY model"),
            *connection.execute("SELECT evaluation, model, status, score FROM evaluations ORDER BY evaluation"),
            *connection.execute("SELECT episode, model, evaluation, reward, reused FROM replay ORDER BY episode"),
            *connection.execute("SELECT chain, link, kind, record, hash FROM hash_chains ORDER BY chain, link"),
        ]


def episodes(database: Path) -> int:
    """How many are recorded."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM replay").fetchone()[0])
        except sqlite3.OperationalError:  # not made yet
            return 0


def until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


@click.group()
def main() -> None:
    """Measure, or disturb, searches on a cluster of processes."""


@main.command()
@click.option("--models", default=1000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def overhead(models: int, rounds: int) -> None:
    """What an episode costs behind pipes and behind actors, two workers each, in turn."""
    print("round  pipe: median ms  mean ms   Ray: median ms  mean ms   mean difference ms")
    with TemporaryDirectory() as name, nodes_of_this_machine(2) as cluster:
        folder = Path(name)
        for number in range(1, rounds + 1):
            found = []
            for kind, words in (("pipe", ["--workers", "2"]), ("ray", ["--cluster", cluster.address])):
                database = f"{kind}{number}.sqlite"
                if searching(folder, "at_once", models, database, *words).wait():
                    raise SystemExit(f"the search by {kind} failed")
                each = gaps(folder / database)[20:]
                found += [statistics.median(each), statistics.fmean(each)]
            same = rows(folder / f"pipe{number}.sqlite") == rows(folder / f"ray{number}.sqlite")
            print(
                f"{number:5}  {found[0]:15.2f}  {found[1]:7.2f}  {found[2]:15.2f}  {found[3]:7.2f}  "
                f"{found[3] - found[1]:19.2f}  rows {'equal' if same else 'DIFFER'}",
                flush=True,
            )


def _disturbed(kills: int, seed: int, models: int, disturb: Callable[[Any, random.Random, Any, Path], Any]) -> None:
    chance = random.Random(seed)
    with TemporaryDirectory() as name, nodes_of_this_machine(2) as cluster:
        folder = Path(name)
        searching(folder, "slowly", models, "undisturbed.sqlite", "--workers", "2").wait()
        for number in range(1, kills + 1):
            database = folder / f"{number}.sqlite"
            search = searching(folder, "slowly", models, database.name, "--cluster", cluster.address)
            target = chance.randrange(1, models - 10)
            until(lambda database=database, target=target: episodes(database) >= target)
            time.sleep(chance.random())
            search = disturb(cluster, chance, search, folder) or search
            if search.poll() is not None and search.returncode < 0:
                search = searching(folder, "slowly", models, database.name, "--cluster", cluster.address)
            code = search.wait()
            same = rows(database) == rows(folder / "undisturbed.sqlite")
            with ReplayReader(database) as reader:
                lost = reader.query("SELECT count(*) FROM worker_events WHERE kind = 'lost'")[1][0][0]
                runs = reader.query("SELECT count(*) FROM runs")[1][0][0]
            print(
                f"kill {number:2} at episode {target:3}: exit {code}, {lost} workers lost, {runs} runs, rows "
                f"{'equal' if same else 'DIFFER'}",
                flush=True,
            )


@main.command()
@click.option("--kills", default=10, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--models", default=60, show_default=True)
def nodes(kills: int, seed: int, models: int) -> None:
    """Kill a node with SIGKILL at a random moment, and give the cluster another one."""

    def disturb(cluster: Any, chance: random.Random, search: Any, folder: Path) -> None:
        node = cluster.nodes.pop(chance.randrange(2))
        cluster.remove_node(node, allow_graceful=False)
        cluster.nodes.append(cluster.add_node(num_cpus=1))

    _disturbed(kills, seed, models, disturb)


@main.command()
@click.option("--kills", default=20, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--models", default=60, show_default=True)
def drivers(kills: int, seed: int, models: int) -> None:
    """Kill the command with SIGKILL at a random moment, see that its actors end, and resume."""

    def disturb(cluster: Any, chance: random.Random, search: Any, folder: Path) -> None:
        before = len(actors(os.getpid()))
        began = time.monotonic()
        search.send_signal(signal.SIGKILL)
        search.wait()
        until(lambda: not actors(os.getpid()), 60.0)
        print(f"  of {before} actors and workers none is left after {time.monotonic() - began:.2f} s", flush=True)

    _disturbed(kills, seed, models, disturb)


@main.command()
@click.option("--workers", default=10, show_default=True)
@click.option("--dataset", default="cifar10", show_default=True)
def copies(workers: int, dataset: str) -> None:
    """How often the images of a search are in the memory of a node whose workers all hold them."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        os.environ[WAITS_FOR] = str(folder / "go")
        with nodes_of_this_machine(1, workers) as cluster:
            # Some proposals repeat a network, which nobody trains again: more are in flight than there are workers.
            experiment = _HOLDING.format(
                dataset=dataset, workers=workers, lookahead=10 * workers, address=cluster.address
            )
            search = _command(folder, experiment, "copies.sqlite", "--workers", str(workers))
            until(lambda: _begun(folder / "copies.sqlite") == workers or search.poll() is not None, 580.0)
            until(lambda: hold_all(mapped(os.getpid()), workers) or search.poll() is not None)
            found = mapped(os.getpid())
            print("worker: resident MiB  proportional MiB   of the images: resident  proportional")
            for pid in sorted({pid for pid, *_ in found}):
                whole = kibibytes(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))
                own = [each for each in found if each[0] == pid]
                print(
                    f"{pid:6}  {whole['Rss'] / 1024:12.1f}  {whole['Pss'] / 1024:16.1f}  "
                    f"{sum(each[2] for each in own) / 1024:24.1f}  {sum(each[3] for each in own) / 1024:12.1f}"
                )
            files = {inode: size for _, inode, _, _, size in found}
            total = sum(each[3] for each in found) / 1024
            print(
                f"{len(files)} files (inodes) of {sum(files.values()) / 2**20:.1f} MiB; all workers' part: {total:.1f}"
            )
            (folder / "go").touch()
            raise SystemExit(search.wait())


def _begun(database: Path) -> int:
    """How many workers are ready."""
    try:
        with ReplayReader(database) as reader:
            return int(reader.query("SELECT count(DISTINCT worker) FROM worker_events WHERE kind = 'ready'")[1][0][0])
    except MetaqnnError:
        return 0


if __name__ == "__main__":
    main()
