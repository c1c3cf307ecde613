"""A search that begins with what another database knows: the key `warm_start` of an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metaqnn.core import Episode, EpisodeOrigin, Evaluator, Model
from metaqnn.errors import ConfigError, MetaqnnError, counted
from metaqnn.networks.data.target_facts import outputs_words
from metaqnn.replay.importing import Imported
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows.components import Components


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
        taken = f"{counted(len(self.imported), 'episode')} of {counted(networks, 'network')}"
        return f"Warm start: {taken} taken from {self.path}{rest}."


def read_warm_start(path: Path, components: Components, evaluator: Evaluator) -> WarmStart:
    """Read the episodes of a search or of an import, as they are now.

    Their rewards are those of the new search: its own section `reward` over the recorded scores.

    Args:
        path: the database.
        components, evaluator: of the search that begins.

    Raises:
        ConfigError: there is no such database, it holds a table or nothing, it measured another score or on inputs of
            another shape or number of classes, or none of its architectures is in the space.
    """
    try:
        with ReplayReader(path) as reader, reader.snapshot(is_long=True):
            _check(reader, evaluator)
            return _read(reader, components)
    except ConfigError:
        raise
    except MetaqnnError as error:
        raise ConfigError(f"warm_start: {error}") from error


def _check(reader: ReplayReader, evaluator: Evaluator) -> None:
    config = reader.config()
    if not config or next(iter(reader.episodes()), None) is None:
        what = "holds every network of a space, from `metaqnn enumerate`," if reader.is_table() else "is empty"
        raise ConfigError(
            f"warm_start: {reader.path}: expected the episodes of a search or an import, but this database {what}"
            f"{' and no episode' if reader.is_table() else ''}; name another, or leave the key out"
        )
    theirs, ours = reader.score(), evaluator.score
    if (theirs.name, theirs.direction) != (ours.name, ours.direction):
        raise ConfigError(
            f"warm_start: {reader.path}: expected {ours.name} to be measured, but this database holds {theirs.name}; "
            "name another, or leave the key out"
        )
    data, facts = config["data"], evaluator.facts()
    if "input_shape" in facts and "input_shape" in data:
        images = [_images(each) for each in (facts, data)]
        if images[0] != images[1]:
            raise ConfigError(
                f"warm_start: {reader.path}: expected networks for images of {images[0]}, but its networks are for "
                f"{images[1]}; name another, or leave the key out"
            )


def _images(data: Mapping[str, Any]) -> str:
    kind = data.get("target", {}).get("kind", "classes")
    return f"{'x'.join(map(str, data['input_shape']))} {outputs_words(kind, data['classes'])}"


def _read(reader: ReplayReader, components: Components) -> WarmStart:
    imported: list[Imported] = []
    models: dict[str, Model | None] = {}  # None: not in the space
    evaluations: dict[int, int] = {}  # theirs -> ours
    networks = left_out = 0
    for episode in reader.episodes():
        if episode.architecture not in models:
            found = _model(networks + 1, episode.architecture, components)
            models[episode.architecture], networks = found, networks + (found is not None)
        model = models[episode.architecture]
        if model is None:
            left_out += 1
            continue
        is_first = episode.evaluation not in evaluations
        number = evaluations.setdefault(episode.evaluation, len(evaluations) + 1)
        stored = reader.stored_evaluation(episode.evaluation) if is_first else None
        evaluation, seed = (stored.evaluation, stored.seed) if stored else (None, 0)
        imported.append(Imported(model, _told(episode, len(imported) + 1, model, number, components), evaluation, seed))
    if not imported:
        raise ConfigError(
            f"warm_start: {reader.path}: expected networks of this space, but none of its {left_out:,} episodes has "
            "one; name another, or leave the key out"
        )
    return WarmStart(reader.path, tuple(imported), left_out)


def _told(episode: Episode, number: int, model: Model, evaluation: int, components: Components) -> Episode:
    """An episode as the new search is told it; it counts as no iteration of that search."""
    return replace(
        episode,
        number=number,
        iteration=0,
        model=model.model,
        evaluation=evaluation,
        reward=components.reward(episode.score, model.costs),
        origin=EpisodeOrigin.IMPORTED,
    )


def _model(number: int, architecture: str, components: Components) -> Model | None:
    try:
        components.space.trajectory(architecture)
        return Model(number, architecture, components.space.costs(components.space.parse(architecture)))
    except MetaqnnError:
        return None
