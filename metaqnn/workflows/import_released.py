"""A file of the authors' released code made into a replay database, by the rules of an experiment."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

from metaqnn.core import Attempt, CurvePoint, Episode, EpisodeOrigin, Evaluation, Model, Reward, Space, Status
from metaqnn.errors import IllegalArchitectureError, MetaqnnError, NotationError, brief, shown
from metaqnn.networks.data import image_facts
from metaqnn.networks.released_file import NOT_MEASURED, as_number, read_released
from metaqnn.networks.targets.classes import accuracy as accuracy_over
from metaqnn.networks.training.backend import default_backend
from metaqnn.replay.importing import Imported, ImportedRow, create_imported
from metaqnn.replay.places import require_new
from metaqnn.replay.records import now
from metaqnn.workflows.components import build_components
from metaqnn.workflows.experiment import Experiment
from metaqnn.workflows.resume import current_versions


@dataclass(frozen=True)
class ImportReport:
    """The rows of a file: those that became episodes, of so many networks, and the others in order, with a reason."""

    rows: int
    taken: int
    networks: int
    refused: tuple[ImportedRow, ...]

    @property
    def repeats(self) -> int:
        """Rows whose network stood above them already."""
        return self.taken - self.networks

    @property
    def problems(self) -> dict[str, int]:
        """How many rows were refused for each problem."""
        return dict(sorted(Counter(row.problem for row in self.refused if row.problem).items()))


def import_released(file: Path, target: Path, experiment: Experiment) -> ImportReport:
    """Make a new database of `replay_database.csv`.

    The order of the file is the order of the episodes. The first row of a network that was measured gives its result,
    which its later rows reuse, as the released code did; what they say themselves stays in the table `imported_rows`.
    The Q-values are what the experiment's strategy learns when it is told the episodes.

    Args:
        file: the CSV.
        target: the database, which must not exist.
        experiment: its space says which networks are legal, its reward what they are worth. Its data set need not be
            on this machine, unless it is a path.

    Raises:
        MetaqnnError: the file or the experiment cannot be used, or the target exists or cannot be written; then no
            file is left behind.
    """
    began, started_at = time.monotonic(), now()
    require_new(target)
    released = read_released(file)
    input_shape, classes = image_facts(experiment.data_words)
    facts, score = {"input_shape": list(input_shape), "classes": classes}, accuracy_over(classes)
    experiment = experiment.with_backend(default_backend)
    components = build_components(experiment, facts, score)
    intake = _Intake(components.space, components.reward)
    rows = [intake.take(number, row) for number, row in enumerate(released, start=1)]
    strategy = components.make_strategy()
    for one in intake.imported:
        strategy.tell(one.episode)
    config = {
        "experiment": experiment.as_mapping(),
        "seed": experiment.seed,
        "budget": strategy.default_models,
        "data": facts,
        "score": score.recorded(),
        "plugins": {kind: plugin.recorded() for kind, plugin in experiment.plugins.items()},
        "purpose": "import",
    }
    versions = current_versions(experiment)
    seconds = time.monotonic() - began
    create_imported(target, config, versions, intake.imported, rows, strategy.values(), (started_at, seconds))
    refused = tuple(row for row in rows if row.problem)
    return ImportReport(len(rows), len(intake.imported), len(intake.models), refused)


class _RefusedError(Exception):
    """A row cannot be used; carries the problem and the reason."""

    def __init__(self, problem: str, reason: str):
        super().__init__(problem)
        self.problem, self.reason = problem, reason


class _Intake:
    """Takes the rows of a file one after another."""

    def __init__(self, space: Space, reward: Reward):
        self.space, self.reward = space, reward
        self.models: dict[str, Model] = {}
        self.results: dict[str, tuple[int, float]] = {}  # number and accuracy of the evaluation, by architecture
        self.imported: list[Imported] = []

    def take(self, number: int, row: Mapping[str, str]) -> ImportedRow:
        """Make an episode of a row, or say why not."""
        net, content = row["net"], {column: text for column, text in row.items() if column != "net"}
        try:
            episode = self._episode(row)
        except _RefusedError as refused:
            return ImportedRow(number, net, content, None, refused.problem, refused.reason)
        return ImportedRow(number, net, content, episode.number)

    def _episode(self, row: Mapping[str, str]) -> Episode:
        layers = self._parsed(row["net"])
        accuracy = _accuracy(row)
        architecture = self._legal(layers)
        is_new = architecture not in self.models
        if is_new:
            number = len(self.models) + 1
            self.models[architecture] = Model(number, architecture, self.space.costs(layers))
            self.results[architecture] = number, accuracy
        model, (evaluation, accuracy) = self.models[architecture], self.results[architecture]
        episode = Episode(
            number=len(self.imported) + 1,
            iteration=len(self.models),
            recorded=_recorded(row),
            model=model.model,
            architecture=architecture,
            evaluation=evaluation,
            score=accuracy,
            reward=self.reward(accuracy, model.costs),
            reused=not is_new,
            origin=EpisodeOrigin.IMPORTED,
        )
        self.imported.append(Imported(model, episode, measured(row, accuracy) if is_new else None))
        return episode

    def _parsed(self, net: str) -> Sequence:
        try:
            return self.space.parse(net)
        except NotationError as error:
            raise _RefusedError("unparsed", str(error).splitlines()[0]) from error
        except IllegalArchitectureError as error:
            raise _RefusedError("illegal", _without_network(error)) from error

    def _legal(self, layers: Sequence) -> str:
        """The canonical text of a network of the space."""
        try:
            return self.space.trajectory(self.space.format(layers)).architecture
        except MetaqnnError as error:
            raise _RefusedError("illegal", _without_network(error)) from error


def _without_network(error: Exception) -> str:
    """The rule that a network breaks; the network itself stands beside it."""
    text = str(error)
    return text.partition("]: ")[2] if text.startswith("[") and "]: " in text else text


def _accuracy(row: Mapping[str, str]) -> float:
    """The best validation accuracy, which is what the released code rewards."""
    text = row["accuracy_best_val"]
    number = as_number(text)
    if number == as_number(NOT_MEASURED):
        raise _RefusedError("accuracy", f"accuracy_best_val is {brief(text)}: the network was not measured")
    if number is None or not 0.0 <= number <= 1.0:
        raise _RefusedError("accuracy", f"accuracy_best_val: expected a number from 0 to 1, got {shown(text)}")
    return number


def measured(row: Mapping[str, str], accuracy: float) -> Evaluation:
    """What a row says of a training.

    The file names two points of a curve that has more: the best and the last validation accuracy, and the iterations
    at which they were measured. Iterations are batches, of a size that the file does not name, and so cannot be told
    as epochs. The curve here has these points alone, in their order: "epoch" 1 is the best, and 2 the last, unless the
    best was the last, or the last was not measured or contradicts the best. Their iterations stay in `imported_rows`.
    Neither losses nor learning rates (0 here) nor times are known.
    """
    points = [accuracy]
    last = as_number(row["accuracy_last_val"])
    is_later = as_number(row["iter_last_val"]) != as_number(row["iter_best_val"])
    if last is not None and 0.0 <= last <= accuracy and (last < accuracy or is_later):
        points.append(last)
    unknown = {"learning_rate": 0.0, "train_loss": nan, "train_accuracy": nan, "validation_loss": nan}
    curve = tuple(CurvePoint(n, point, 0.0, unknown) for n, point in enumerate(points, start=1))
    figures = {"learning_rate": 0.0}
    return Evaluation(Status.OK, accuracy, "", (Attempt(curve),), figures, 0.0, row["machine_run_on"])


def _recorded(row: Mapping[str, str]) -> dict[str, float]:
    """The exploration rate, where it is one."""
    number = as_number(row["epsilon"])
    return {"epsilon": number} if number is not None and 0.0 <= number <= 1.0 else {}
