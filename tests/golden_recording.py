"""What must not change: proposals, searches and databases, recorded in `golden/` by the version before a redesign.

Everything that `test_golden.py` needs of the package stands in this module, and nothing else of the package is
touched there: where names move, only the functions under "The package" below follow them. The recordings never do. A
test that fails has found a proposal or a row that came out differently, and that is what is to be put right.

As a script it records, from the folder above `tests`, and only what is not there yet, so that nothing recorded is
lost by mistake:

    python tests/golden_recording.py proposals      (two minutes)
    python tests/golden_recording.py databases      (six minutes on two cores)

`golden/proposals/SPACE-STRATEGY-PRESET-lookahead_L.csv.gz` is 100 proposals, for rewards that follow from the text of
an architecture alone; `.values.csv.gz` beside it is all Q-values after the last, of strategies that keep any.
`golden/digits_seed0.sqlite` is what `metaqnn search` made of `golden/digits.yaml`, the experiment `digits` as it was
shipped then; `golden/v3_*.sqlite` are databases of schema 3 of each other kind; `golden/engine_2_*.sqlite` are what the
present engine trains, on what `golden/databases.json` says. What they hold is in `DATABASES`.
"""

import argparse
import csv
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

GOLDEN = Path(__file__).parent / "golden"
PROPOSALS = GOLDEN / "proposals"
DIGITS = GOLDEN / "digits.yaml"
"""The experiment as it was shipped when its episodes were recorded: what is shipped later may differ."""

LENGTH = 100
"""Proposals in each recording."""

SEED = 7
"""Of every strategy; not 0, which a default could stand for."""

MACHINE_DEPENDENT: Mapping[str, tuple[str, ...]] = {
    "reinforce": ("numpy",),
    "smac": ("numpy", "scipy", "scikit-learn", "ConfigSpace", "smac"),
    "tpe": ("numpy", "scipy", "optuna"),
}
"""Strategies whose last bits depend on the processor and on these packages; the others repeat everywhere."""

TRAINERS = ("numpy", "keras", "tensorflow")
"""What the results of a training depend on, beside the processor."""


# Where something is recorded


def processor() -> str:
    """What tells processors apart whose last bits may differ.

    The name alone does not: virtual machines give one name to several generations. So family, model and the
    instructions that it knows count too; the latter as a hash.
    """
    facts: dict[str, str] = {}
    with suppress(OSError):  # there is no such file but on Linux
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            facts.setdefault(key.strip(), value.strip())
    if "model name" not in facts:
        import platform

        return f"{platform.system()} {platform.machine()} {platform.processor()}"
    flags = blake2b(" ".join(sorted(facts.get("flags", "").split())).encode(), digest_size=4).hexdigest()
    numbers = ", ".join(f"{key} {facts[key]}" for key in ("cpu family", "model", "stepping") if key in facts)
    return f"{facts['model name']} ({numbers}, flags {flags})"


def versions(packages: Sequence[str]) -> dict[str, str | None]:
    """The installed versions; None of what is not."""
    found: dict[str, str | None] = {}
    for package in packages:
        found[package] = None
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def elsewhere(recorded: Mapping[str, Any]) -> str | None:
    """Why results need not be those recorded, in one sentence; None on an equal machine."""
    if recorded["processor"] != processor():
        return f"recorded on {recorded['processor']}, this is {processor()}"
    here = versions(list(recorded["versions"]))
    different = [
        f"{name} {old}, here {here[name] or 'not installed'}"
        for name, old in recorded["versions"].items()
        if here[name] != old
    ]
    return f"recorded with {'; '.join(different)}" if different else None


# Proposals


@dataclass(frozen=True)
class Case:
    """One recording of proposals."""

    space: str
    strategy: str
    preset: str
    lookahead: int

    @property
    def name(self) -> str:
        return f"{self.space}-{self.strategy}-{self.preset}-lookahead_{self.lookahead}"

    @property
    def file(self) -> Path:
        return PROPOSALS / f"{self.name}.csv.gz"

    @property
    def values_file(self) -> Path:
        return PROPOSALS / f"{self.name}.values.csv.gz"


STRATEGIES = (
    ("q_learning", "default"),
    ("q_learning", "paper"),
    ("random", "default"),
    ("regularized_evolution", "default"),
    ("reinforce", "default"),
    ("smac", "default"),
    ("tpe", "default"),
    ("q_learning", "planning"),
    ("local_search", "default"),
    ("bananas", "default"),
    ("gaussian_process", "default"),
    ("q_learning", "block_qnn"),
    ("controller", "default"),
    ("controller", "paper"),
)
"""Names and presets as they were registered when this was recorded; what they propose keeps a name for ever. The last
seven came later, and had their present names."""

CASES = [
    Case(space, *strategy, lookahead)
    for space in ("layers", "chain")
    for strategy in STRATEGIES
    for lookahead in (1, 4)
]


class Proposed(NamedTuple):
    """A proposal as it is recorded: numbers as `repr` writes them, so that equal text is equal bits."""

    number: str
    epsilon: str
    architecture: str
    is_new: str
    reward: str


class Value(NamedTuple):
    """A Q-value as it is recorded."""

    state: str
    action: str
    value: str
    updates: str


def reward_of(architecture: str) -> float:
    """A made-up reward that can be learned: three quarters are the mean worth of the parts, a quarter is luck.

    A thousandth times a whole number: the same on every machine, and not exact in binary, so that a sum taken in
    another order is seen.
    """

    def worth(text: str) -> int:
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % 1000

    parts = re.findall(r"[A-Z]+\([^)]*\)|[0-9]", architecture)
    # Where a part stands counts by halves: early and late ones differ, as they do in networks.
    places = [f"{2 * place // len(parts)}:{part}" for place, part in enumerate(parts)]
    return (3 * sum(map(worth, places)) // max(1, len(places)) + worth(architecture)) // 4 / 1000


def propose(case: Case, rewards: Callable[[str], float], length: int = LENGTH) -> tuple[list[Proposed], list[Value]]:
    """Ask and tell as the search loop does: episode n is asked for when exactly those up to n - L are told.

    Returns:
        the proposals, fewer where the schedule is over; and the strategy's values when all are told.
    """
    agent = make_agent(case)
    proposed: list[Proposed] = []
    known: dict[str, int] = {}
    untold: deque[tuple] = deque()
    progress = agent.beginning()
    for number in range(1, length + 1):
        if agent.is_over(progress):
            break
        while untold and untold[0][0] <= number - case.lookahead:
            agent.tell(*untold.popleft())
        epsilon = agent.epsilon(progress)
        architecture = agent.ask(number, epsilon)
        is_new = architecture not in known
        model = known.setdefault(architecture, len(known) + 1)
        progress = agent.advance(progress, is_new)
        reward = rewards(architecture)
        untold.append((number, len(known), epsilon, model, architecture, reward, not is_new))
        proposed.append(Proposed(str(number), repr(epsilon), architecture, str(int(is_new)), repr(reward)))
    for episode in untold:
        agent.tell(*episode)
    return proposed, agent.values()


def replay(case: Case, length: int = LENGTH) -> tuple[list[Proposed], list[Value]]:
    """Propose again for the recorded rewards; an architecture that was not recorded is worth 0."""
    _, recorded = read_rows(case.file, Proposed)
    rewards = {row.architecture: float(row.reward) for row in recorded}
    return propose(case, lambda architecture: rewards.get(architecture, 0.0), length)


def read_rows(file: Path, kind: type) -> tuple[dict[str, Any], list]:
    """The head of a recording, which says where it was made, and its rows."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        head = json.loads(lines.readline().removeprefix("# "))
        reader = csv.reader(lines)
        assert tuple(next(reader)) == kind._fields
        return head, [kind(*row) for row in reader]


def write_rows(file: Path, head: Mapping[str, Any], kind: type, rows: Sequence[tuple]) -> None:
    text = io.StringIO()
    text.write(f"# {json.dumps(head)}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kind._fields)
    writer.writerows(rows)
    # Without a time and a name inside: recorded again, a file has the same bytes.
    file.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def record_proposals() -> None:
    PROPOSALS.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        if case.file.exists():
            continue
        proposed, values = propose(case, reward_of)
        packages = MACHINE_DEPENDENT.get(case.strategy, ("numpy",))
        head = {"seed": SEED, "processor": processor(), "versions": versions(packages)}
        write_rows(case.file, head, Proposed, proposed)
        if values:
            write_rows(case.values_file, head, Value, values)
        print(f"{case.name}: {len(proposed)} proposals, {len(values)} values", flush=True)


# Databases


@dataclass(frozen=True)
class GoldenDatabase:
    """A recorded database.

    Attributes:
        commands: what made it, one after another, in a folder with the files of `golden/`; each begins with
            `metaqnn`, and DB stands for the database.
        is_search: whether it can be resumed.
        is_table: whether it is an enumeration, in which nothing was proposed.
    """

    commands: tuple[str, ...]
    is_search: bool = True
    is_table: bool = False


_SMALL = (
    "--set space.max_depth=3 --set space.convolution.filters=[4,8] --set space.fully_connected.neurons=[16]"
    " --set training.restart_epoch=1 --set training.max_restarts=0"
)

_GUIDED = (
    "metaqnn search digits.yaml --db DB --models 30 --workers 2 --set name=guided --set seed=11"
    ' --set strategy={"name":"q_learning","preset":"default"} --set search.lookahead=4'
    f" --set training.epochs=3 {_SMALL}"
)

DATABASES: Mapping[str, GoldenDatabase] = {
    "digits_seed0": GoldenDatabase(("metaqnn search digits.yaml --db DB",)),
    "v3_guided": GoldenDatabase((_GUIDED,)),
    # The same search stopped half-way, with episodes in flight.
    "v3_guided_stopped": GoldenDatabase((f"{_GUIDED} --max-time 12s",)),
    "v3_predicted": GoldenDatabase(
        (
            "metaqnn search digits.yaml --db DB --models 20 --set name=predicted --set seed=12"
            ' --set training.early_stopping={"min_networks":10,"probability":0.8,"control_share":0.2}'
            ' --set reward={"name":"cost_aware","flops_weight":0.01,"parameters_weight":0.002}'
            f" --set training.epochs=8 {_SMALL}",
        )
    ),
    "v3_enumerated": GoldenDatabase(
        (
            "metaqnn enumerate digits.yaml --db DB --seeds 2 --set name=enumerated --set seed=5"
            " --set space.max_depth=1 --set space.convolution.filters=[4]"
            " --set space.convolution.receptive_fields=[1,3,5]"
            " --set space.fully_connected.neurons=[] --set training.epochs=2 --set training.restart_epoch=1",
        ),
        is_search=False,
        is_table=True,
    ),
    "v3_imported": GoldenDatabase(
        ("metaqnn replay import replay_database.csv DB --experiment svhn",),
        is_search=False,
    ),
    # A search that began with another's episodes; then networks trained and tested.
    "v3_finals": GoldenDatabase(
        (
            "metaqnn search digits.yaml --db DB --models 6 --set name=finals --set seed=13"
            f" --set warm_start=v3_guided.sqlite --set training.epochs=2 {_SMALL}",
            "metaqnn train DB --top 2 --set final.epochs=1",
            "metaqnn evaluate DB",
            "metaqnn ensemble DB --top 2",
        )
    ),
    # What two of those before come to with version 2 of TensorFlow's engine, whose dropout masks are other ones.
    "engine_2_digits": GoldenDatabase(("metaqnn search digits.yaml --db DB",)),
    "engine_2_resumed": GoldenDatabase(("metaqnn replay copy v3_guided_stopped.sqlite DB", "metaqnn resume DB")),
}
"""By the name of the file. Their trained networks are not kept: a database can be read without."""

MACHINE = GOLDEN / "databases.json"
"""Where the databases were made: trainings repeat to the bit on an equal processor with equal versions only."""


def database(name: str) -> Path:
    return GOLDEN / f"{name}.sqlite"


def run_command(command: str, folder: Path, file: Path) -> str:
    """Run a command of the command line in a folder; returns what it printed."""
    words = [str(file) if word == "DB" else word for word in command.split()]
    assert words[0] == "metaqnn"
    ran = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        # From the checkout, also where no package is installed.
        env=os.environ | {"PYTHONPATH": str(GOLDEN.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def record_databases() -> None:
    facts = {"processor": processor(), "versions": versions(TRAINERS)}
    MACHINE.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, golden in DATABASES.items():
            if database(name).exists():
                continue
            for file in (*GOLDEN.glob("*.yaml"), *GOLDEN.glob("*.csv"), *GOLDEN.glob("*.sqlite")):
                shutil.copy(file, folder)
            for command in golden.commands:
                # Under its own name alone: what is stored of a command must name no folder of this machine.
                run_command(command, folder, Path(f"{name}.sqlite"))
            run_command(f"metaqnn replay copy {name}.sqlite copy-{name}.sqlite", folder, Path())
            shutil.copy(folder / f"copy-{name}.sqlite", database(name))
            print(f"{name}: {database(name).stat().st_size:,} bytes", flush=True)


# The package


RENAMED = {("q_learning", "default"): ("linear_ucb", "default"), ("q_learning", "planning"): ("q_learning", "default")}
"""Strategies that have another name and preset than when they were recorded, or than their recordings can have."""


class Agent:
    """A strategy and where its search stands, behind names that stay."""

    def __init__(self, case: Case):
        from metaqnn.core.plugins import find, read_options
        from metaqnn.search.position import Position

        name, preset = RENAMED.get((case.strategy, case.preset), (case.strategy, case.preset))
        strategy = find("strategy", name, case.name).load()
        settings = {"name": name, "preset": preset, **strategy.PRESETS[preset]}
        options = read_options(strategy, settings, "strategy", case.name)
        self._strategy = strategy(options, make_space(case.space), SEED)
        self._position = Position(LENGTH)
        self._asked = ""

    def beginning(self) -> Any:
        """Where the search stands before the first proposal."""
        return self._position.context()

    def advance(self, _: Any, is_new: bool) -> Any:
        from metaqnn.core import Model, Proposal

        model = Model(0, self._asked)
        self._position.add(Proposal(self._position.last + 1, 0, {}, model, 0 if is_new else None))
        return self._position.context()

    def is_over(self, context: Any) -> bool:
        return self._strategy.is_exhausted(context)

    def epsilon(self, _: Any) -> float:
        return self._strategy.describe_progress(self._position.context()).epsilon

    def ask(self, number: int, epsilon: float) -> str:
        """Ask; the exploration rate is what the strategy itself derives."""
        context = self._position.context()
        assert context.number == number
        trajectory = self._strategy.ask(context)
        assert trajectory.recorded["epsilon"] == epsilon
        self._asked = trajectory.architecture
        return trajectory.architecture

    def tell(
        self, number: int, distinct: int, epsilon: float, model: int, architecture: str, reward: float, reused: bool
    ) -> None:
        """Tell an episode; its evaluation bears the number of its model, and the reward is the accuracy."""
        from metaqnn.core import Episode

        recorded = {"epsilon": epsilon}
        self._strategy.tell(Episode(number, distinct, recorded, model, architecture, model, reward, reward, reused))
        self._position.tell()

    def values(self) -> list[Value]:
        """All Q-values, in an order of their own: a strategy may keep them in any."""
        return sorted(Value(q.state, q.action, repr(q.value), str(q.updates)) for q in self._strategy.values())


def make_agent(case: Case) -> Agent:
    return Agent(case)


def make_space(name: str) -> Any:
    """The layers of digits, or a chain of eight positions with three options each."""
    if name == "chain":
        from metaqnn.tables.chain import ChainConfig, ChainSpace

        return ChainSpace(ChainConfig("chain", (3,) * 8))
    from metaqnn.networks.spaces.layer_space import LayerSpace
    from metaqnn.workflows import load_experiment

    experiment = load_experiment(str(DIGITS), (), lambda line: None)
    return LayerSpace(experiment.space.options, {"input_shape": (8, 8, 1), "classes": 10})


def registered_strategies() -> set[tuple[str, str]]:
    """Names and presets that there are now."""
    from metaqnn.core.plugins import find, installed

    now = {(name, preset) for name in installed("strategy") for preset in find("strategy", name, "").load().PRESETS}
    return now | {old for old, new in RENAMED.items() if new in now}


def difference(file: Path) -> str | None:
    """What of a search or an import does not follow from its seed and its results, in one sentence."""
    from metaqnn.replay.reader import ReplayReader
    from metaqnn.workflows import verify_database

    with ReplayReader(file) as reader:
        return verify_database(reader).difference


def episodes(file: Path) -> list[tuple]:
    """The told episodes of a database, with numbers as `repr` writes them."""
    from metaqnn.replay.reader import ReplayReader

    with ReplayReader(file) as reader:
        return [
            (
                *(e.number, e.iteration, repr(e.epsilon), e.model, e.architecture, e.evaluation),
                *(repr(e.score), repr(e.reward), e.reused, str(e.origin), e.is_predicted),
            )
            for e in reader.episodes()
        ]


def in_flight(file: Path) -> int:
    """How many episodes are proposed and not told."""
    from metaqnn.replay.reader import ReplayReader

    with ReplayReader(file) as reader:
        return len(reader.proposals())


def finals_and_looks(file: Path) -> tuple[int, int]:
    """How many networks were trained after a search, and how often a test split was looked at."""
    from metaqnn.replay.reader import ReplayReader
    from metaqnn.replay.retrainings import read_retrainings, read_test_looks

    with ReplayReader(file) as reader:
        return len(read_retrainings(reader)), len(read_test_looks(reader))


def worker_events(file: Path) -> list[tuple]:
    """What the worker processes met, which explains a row that differs: one that was lost, or replaced."""
    from metaqnn.replay.reader import ReplayReader

    with ReplayReader(file) as reader:
        return reader.query("SELECT * FROM worker_events")[1]


def budget(file: Path) -> int:
    """How many distinct architectures the last run of a search was to try."""
    from metaqnn.replay.reader import ReplayReader

    with ReplayReader(file) as reader:
        return reader.last_run()["models"]


def run_here(*words: object) -> int:
    """Run a command of the command line in this process: only what trains nothing. Returns the exit code."""
    from metaqnn.cli import run

    before = sys.argv
    sys.argv = ["metaqnn", *map(str, words)]
    try:
        run()
    except SystemExit as ended:
        return ended.code or 0
    finally:
        sys.argv = before
    return 0


def trainings(file: Path) -> Iterator[tuple]:
    """Of each evaluation how it ended, and every epoch that was trained, without times and device."""
    from metaqnn.replay.reader import ReplayReader

    with ReplayReader(file) as reader:
        numbers = [number for (number,) in reader.query("SELECT evaluation FROM evaluations ORDER BY evaluation")[1]]
        for number in numbers:
            evaluation = reader.evaluation(number)
            curve = [
                (
                    point.step,
                    *(repr(point.figures[name]) for name in ("learning_rate", "train_loss", "train_accuracy")),
                    *(repr(point.figures["validation_loss"]), repr(point.score)),
                )
                for attempt in evaluation.attempts
                for point in attempt.points
            ]
            yield number, str(evaluation.status), evaluation.reason, curve


if __name__ == "__main__":
    sys.path.insert(0, str(GOLDEN.parents[1]))
    parser = argparse.ArgumentParser(description="Record what is not recorded yet.")
    parser.add_argument("what", choices=["proposals", "databases"])
    {"proposals": record_proposals, "databases": record_databases}[parser.parse_args().what]()
