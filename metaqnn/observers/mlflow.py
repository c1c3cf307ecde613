"""MLflow: a run for the search, and below it one for each evaluation."""

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar

from metaqnn.core import Evaluation, ObservedEpisode, SearchObserver
from metaqnn.observers.decisions import named_decisions

if TYPE_CHECKING:
    from mlflow.entities import Metric

_MOST_METRICS, _MOST_PARAMETERS, _MOST_CHARACTERS = 900, 100, 500
"""What a server takes in one request: metrics beside parameters, these, and characters of one."""

_SEARCH, _EPISODE, _PARENT = "metaqnn.search", "metaqnn.episode", "mlflow.parentRunId"


@dataclass(frozen=True)
class MLflowOptions:
    """The section of `mlflow`.

    Attributes:
        uri: of the server, or of a folder; None is what MLFLOW_TRACKING_URI says, or else MLflow itself.
        experiment: of MLflow, which is made where absent; None is the name of the search.
    """

    uri: str | None = None
    experiment: str | None = None


class MLflow(SearchObserver):
    """Runs of MLflow: parameters are decisions and costs, metrics are scores and learning curves."""

    Options = MLflowOptions
    needs: ClassVar[Mapping[str, str]] = {"mlflow": "metaqnn[mlflow]"}

    def start(self) -> int:
        """Find the run of the search, or make it."""
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # of every run that ends
        from mlflow import MlflowClient

        self._client = client = MlflowClient(self.options.uri)
        name = self.options.experiment or self.search.name
        experiment = client.get_experiment_by_name(name)
        self._experiment = experiment.experiment_id if experiment else client.create_experiment(name)
        found = self._runs({_SEARCH: self.search.identity})
        if found:
            self._run = found[0].info.run_id
            client.update_run(self._run, "RUNNING")
            return int(found[0].data.tags.get(_EPISODE, 0))
        tags = {_SEARCH: self.search.identity, "mlflow.source.name": "metaqnn", "mlflow.runName": self.search.name}
        self._run = client.create_run(self._experiment, tags=tags).info.run_id
        facts = {"seed": self.search.seed, **_leaves(self.search.experiment)}
        self._log(self._run, (), {key: value for key, value in facts.items() if value is not None}, {})
        return 0

    def write(self, observed: ObservedEpisode) -> None:
        """Keep the evaluation as a run of its own; then the episode, by whose number it is known to be whole."""
        episode, at = observed.episode, _milliseconds(observed)
        if observed.evaluation is not None:
            self._write_evaluation(observed, observed.evaluation, at)
        values = {
            "score": episode.score,
            "best_score": observed.best_score,
            "reward": episode.reward,
            "models": episode.iteration,
            **episode.recorded,
        }
        # Where the same is logged once more, after a kill, the server keeps one.
        self._log(self._run, _metrics(values, episode.number, at), {}, {_EPISODE: episode.number})

    def stop(self) -> None:
        """End the run of the search."""
        self._client.set_terminated(self._run)

    def _write_evaluation(self, observed: ObservedEpisode, evaluation: Evaluation, ended: int) -> None:
        episode, score = observed.episode, self.search.score
        for run in self._runs({_PARENT: self._run, _EPISODE: str(episode.number)}):
            self._client.delete_run(run.info.run_id)  # a kill may have cut it off
        began = ended - round(1000 * evaluation.seconds)
        tags = {
            _PARENT: self._run,
            _EPISODE: str(episode.number),
            "mlflow.runName": f"model {episode.model}",
            "architecture": episode.architecture,
            "status": str(evaluation.status),
            "device": evaluation.device,
            **({"reason": evaluation.reason} if evaluation.reason else {}),
        }
        run_id = self._client.create_run(self._experiment, began, tags).info.run_id
        metrics: list[Metric] = []
        at = float(began)
        for point in evaluation.curve:
            at += 1000 * point.seconds
            metrics += _metrics({score.name: point.score, **point.figures}, point.step, round(at))
        metrics += _metrics({"score": evaluation.score, "reward": episode.reward, **_of_all(evaluation)}, 0, ended)
        self._log(run_id, metrics, {**named_decisions(observed.actions), **observed.costs}, {})
        self._client.set_terminated(run_id, "FINISHED" if evaluation.status.has_score else "FAILED", ended)

    def _runs(self, tags: Mapping[str, str]) -> list[Any]:
        which = " AND ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        return list(self._client.search_runs([self._experiment], which))

    def _log(
        self, run: str, metrics: Iterable["Metric"], parameters: Mapping[str, object], tags: Mapping[str, object]
    ) -> None:
        from mlflow.entities import Param, RunTag

        params = [Param(_key(name), str(value)[:_MOST_CHARACTERS]) for name, value in parameters.items()]
        parts = _parts(list(metrics), _MOST_METRICS), _parts(params, _MOST_PARAMETERS)
        for both in zip_longest(*parts, fillvalue=()):
            self._client.log_batch(run, *both)
        if tags:  # last, as they say that the rest is there
            self._client.log_batch(run, tags=[RunTag(key, str(value)) for key, value in tags.items()])


def _parts(items: list[Any], most: int) -> Iterator[list[Any]]:
    return (items[at : at + most] for at in range(0, len(items), most))


def _of_all(evaluation: Evaluation) -> dict[str, float]:
    """The figures of a whole evaluation, told apart from those of its curve."""
    return {f"evaluation.{name}": value for name, value in evaluation.figures.items()}


def _metrics(values: Mapping[str, float | None], step: int, at: int) -> Iterator["Metric"]:
    from mlflow.entities import Metric

    for name, value in values.items():
        if value is not None and math.isfinite(value):
            yield Metric(_key(name), float(value), at, step)


def _key(name: str) -> str:
    """A name as MLflow allows it."""
    return "".join(character if character.isalnum() or character in "_-. /" else "_" for character in name)


def _leaves(section: Mapping[str, Any], path: str = "") -> dict[str, object]:
    """The values of an experiment by dotted key."""
    leaves: dict[str, object] = {}
    for key, value in section.items():
        place = f"{path}.{key}" if path else key
        leaves |= _leaves(value, place) if isinstance(value, Mapping) else {place: value}
    return leaves


def _milliseconds(observed: ObservedEpisode) -> int:
    return round(1000 * datetime.fromisoformat(observed.recorded_at).timestamp())
