"""A search that begins with what another database knows: the key `warm_start` of an experiment."""

from dataclasses import dataclass, replace
from pathlib import Path

from metaqnn.core import Episode, Model, Source
from metaqnn.errors import ConfigError, MetaqnnError
from metaqnn.replay.importing import Imported
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows.components import Parts


@dataclass(frozen=True)
class WarmStart:
    """Episodes of another database, as a new search takes them.

    Attributes:
        path: that database.
        imported: the episodes, numbered from 1 as they are told.
        left_out: how many had a network that is not in the search's space.
    """

    path: Path
    imported: tuple[Imported, ...]
    left_out: int

    @property
    def words(self) -> str:
        """What was taken, for people."""
        networks = len({one.model.model for one in self.imported})
        rest = f"; {self.left_out:,} left out, whose networks are not in this space" if self.left_out else ""
        return f"Warm start: {len(self.imported):,} episodes of {networks:,} networks taken from {self.path}{rest}."


def read_warm_start(path: Path, parts: Parts, input_shape: tuple[int, ...], classes: int) -> WarmStart:
    """Read the episodes of a search or of an import, as they are now.

    Their rewards are those of the new search: its own section `reward` over the recorded accuracies.

    Args:
        path: the database.
        parts: space and reward of the search that begins.
        input_shape, classes: of its images.

    Raises:
        ConfigError: there is no such database, it holds a table or nothing, its images have another shape or number of
            classes, or none of its networks is in the space.
    """
    try:
        with ReplayReader(path) as reader, reader.snapshot():
            _check(reader, tuple(input_shape), classes)
            return _read(reader, parts)
    except ConfigError:
        raise
    except MetaqnnError as error:
        raise ConfigError(f"warm_start: {error}") from error


def _check(reader: ReplayReader, input_shape: tuple[int, ...], classes: int) -> None:
    config = reader.config()
    if not config or not reader.episode_count():
        what = "holds every network of a space, from `metaqnn enumerate`," if reader.is_table() else "is empty"
        raise ConfigError(
            f"warm_start: {reader.path}: expected the episodes of a search or an import, but this database {what}"
            f"{' and no episode' if reader.is_table() else ''}; name another, or leave the key out"
        )
    data = config["data"]
    theirs = tuple(data["input_shape"]), data["classes"]
    if theirs != (input_shape, classes):
        raise ConfigError(
            f"warm_start: {reader.path}: expected networks for images of {_size(input_shape)} in {classes} classes, "
            f"but its networks are for {_size(theirs[0])} in {theirs[1]}; name another, or leave the key out"
        )


def _read(reader: ReplayReader, parts: Parts) -> WarmStart:
    imported: list[Imported] = []
    models: dict[str, Model | None] = {}  # None: not in the space
    evaluations: dict[int, int] = {}  # theirs -> ours
    networks = left_out = 0
    for episode in reader.episodes():
        if episode.architecture not in models:
            found = _model(networks + 1, episode.architecture, parts)
            models[episode.architecture], networks = found, networks + (found is not None)
        model = models[episode.architecture]
        if model is None:
            left_out += 1
            continue
        is_first = episode.evaluation not in evaluations
        number = evaluations.setdefault(episode.evaluation, len(evaluations) + 1)
        evaluation = reader.evaluation(episode.evaluation) if is_first else None
        seed = reader.evaluation_row(episode.evaluation)["seed"] if is_first else 0
        imported.append(Imported(model, _told(episode, len(imported) + 1, model, number, parts), evaluation, seed))
    if not imported:
        raise ConfigError(
            f"warm_start: {reader.path}: expected networks of this space, but none of its {left_out:,} episodes has "
            "one; name another, or leave the key out"
        )
    return WarmStart(reader.path, tuple(imported), left_out)


def _told(episode: Episode, number: int, model: Model, evaluation: int, parts: Parts) -> Episode:
    """An episode as the new search is told it; it counts as no iteration of that search."""
    return replace(
        episode,
        number=number,
        iteration=0,
        model=model.model,
        evaluation=evaluation,
        reward=parts.reward(episode.accuracy, model),
        source=Source.IMPORTED,
    )


def _model(number: int, architecture: str, parts: Parts) -> Model | None:
    try:
        parts.space.trajectory(architecture)
        cost = parts.space.cost(parts.space.parse(architecture))
    except MetaqnnError:
        return None
    return Model(number, architecture, cost.layers, cost.parameters, cost.flops)


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
