"""TensorBoard: the search by episode, every evaluation's learning curve, and its decisions as hyperparameters."""

import math
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from metaqnn.core import EpisodeOrigin, Evaluation, ObservedEpisode, SearchObserver
from metaqnn.files import written_whole
from metaqnn.observers.decisions import named_decisions

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

_FILE = "events.out.tfevents.0.metaqnn"
"""TensorBoard reads whatever has `tfevents` in its name."""

_FRAME = 16
"""Bytes of a record beside its content: the length and two checksums."""


@dataclass(frozen=True)
class TensorBoardOptions:
    """The section of `tensorboard`.

    Attributes:
        logdir: what `tensorboard --logdir` is given, for any number of searches; None is the folder `tensorboard`
            beside the database.
    """

    logdir: str | None = None


class TensorBoard(SearchObserver):
    """Event files for TensorBoard: a run for the search, and one for each evaluation.

    TensorFlow is not imported: the package of TensorBoard has what is needed.
    """

    Options = TensorBoardOptions
    needs: ClassVar[Mapping[str, str]] = {"tensorboard": "metaqnn[tensorboard]"}

    def start(self) -> int:
        """Open the events of the search behind the last whole one."""
        search = self.search
        logdir = search.database.parent / "tensorboard" if self.options.logdir is None else Path(self.options.logdir)
        self._folder = logdir / f"{search.name}-{search.identity}"
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / _FILE
        kept, last = _whole_events(path) if path.exists() else (0, 0)
        self._file = path.open("r+b" if kept else "wb")
        self._file.truncate(kept)
        self._file.seek(kept)
        if not kept:
            _begin(self._file)
        return last

    def write(self, observed: ObservedEpisode) -> None:
        """Keep the evaluation as a run of its own, whole or not at all, and then the episode."""
        episode, evaluation = observed.episode, observed.evaluation
        if evaluation is not None:
            suffix = f"-episode-{episode.number}" if episode.origin is EpisodeOrigin.RETRIED else ""
            run = self._folder / f"model-{episode.model:04}{suffix}"
            if not run.exists():
                with written_whole(run, is_new=True) as part:
                    part.mkdir()
                    with (part / _FILE).open("wb") as file:
                        self._write_run(file, run.name, observed, evaluation)
        values = {
            "search/score": episode.score,
            "search/best_score": observed.best_score,
            "search/reward": episode.reward,
            "search/models": episode.iteration,
            **{f"search/{name}": value for name, value in episode.recorded.items()},
        }
        _add(self._file, _scalars(values, episode.number, _time(observed)))
        self._file.flush()

    def stop(self) -> None:
        """Close the events of the search."""
        self._file.close()

    def _write_run(self, file: BinaryIO, run: str, observed: ObservedEpisode, evaluation: Evaluation) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2

        episode, ended, score = observed.episode, _time(observed), self.search.score
        began = ended - evaluation.seconds
        _begin(file, began)
        parameters: dict[str, Any] = {**named_decisions(observed.actions), **observed.costs}
        parameters |= {"model": episode.model, "architecture": episode.architecture, "status": str(evaluation.status)}
        summary = summary_v2.hparams_pb(parameters, trial_id=run, start_time_secs=began)
        _add(file, Event(wall_time=began, summary=summary))
        at = began
        for point in evaluation.curve:
            at += point.seconds
            values = {f"curve/{score.name}": point.score} | {f"curve/{k}": v for k, v in point.figures.items()}
            _add(file, _scalars(values, point.step, at))
        figures = {f"evaluation/{name}": value for name, value in evaluation.figures.items()}
        _add(file, _scalars({"evaluation/score": evaluation.score} | figures, 0, ended))
        status = api_pb2.STATUS_SUCCESS if evaluation.status.has_score else api_pb2.STATUS_FAILURE
        end = plugin_data_pb2.HParamsPluginData(
            session_end_info=plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=ended)
        )
        value = Summary.Value(
            tag=metadata.SESSION_END_INFO_TAG,
            metadata=metadata.create_summary_metadata(end),
            tensor=metadata.NULL_TENSOR,
        )
        _add(file, Event(wall_time=ended, summary=Summary(value=[value])))


def _time(observed: ObservedEpisode) -> float:
    return datetime.fromisoformat(observed.recorded_at).timestamp()


def _scalars(values: Mapping[str, float | None], step: int, at: float) -> "Event":
    """One event, and so one record, of all values that are numbers."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    numbers = {tag: value for tag, value in values.items() if value is not None and math.isfinite(value)}
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in numbers.items()])
    return Event(wall_time=at, step=step, summary=summary)


def _begin(file: BinaryIO, at: float = 0.0) -> None:
    from tensorboard.compat.proto.event_pb2 import Event

    _add(file, Event(wall_time=at, file_version="brain.Event:2"))


def _add(file: BinaryIO, event: "Event") -> None:
    from tensorboard.summary.writer.record_writer import RecordWriter

    RecordWriter(file).write(event.SerializeToString())


def _whole_events(path: Path) -> tuple[int, int]:
    """The bytes of a file's whole records, and the step of the last."""
    from tensorboard.compat.proto.event_pb2 import Event

    kept, last = 0, b""
    for end, content in _records(path):
        kept, last = end, content
    return kept, Event.FromString(last).step if last else 0


def _records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Where each whole record ends, and its content."""
    size = os.path.getsize(path)
    with path.open("rb") as file:
        while (end := file.tell() + _FRAME) <= size:
            (length,) = struct.unpack("<Q", file.read(8))
            if (end := end + length) > size:
                return
            file.seek(4, os.SEEK_CUR)
            content = file.read(length)
            file.seek(4, os.SEEK_CUR)
            yield end, content
