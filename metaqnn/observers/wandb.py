"""Weights & Biases: a run for the search, and one for each evaluation, in one group."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from metaqnn.core import Evaluation, ObservedEpisode, SearchObserver
from metaqnn.files import read_whole, written_whole
from metaqnn.observers.decisions import named_decisions


@dataclass(frozen=True)
class WandbOptions:
    """The section of `wandb`.

    Attributes:
        project: of Weights & Biases.
        entity: whose project it is; None is yours.
        mode: `offline` keeps runs in `folder`, from where `wandb sync` sends them; None is what WANDB_MODE says.
        folder: for what is kept here; None is the database's.
    """

    project: str = "metaqnn"
    entity: str | None = None
    mode: Literal["online", "offline"] | None = None
    folder: str | None = None


class WeightsAndBiases(SearchObserver):
    """Runs of Weights & Biases: their configuration is decisions and costs, their history the learning curve."""

    Options = WandbOptions
    needs: ClassVar[Mapping[str, str]] = {"wandb": "metaqnn[wandb]"}

    def start(self) -> int:
        """Begin or resume the run of the search.

        What is offline cannot be asked what it has; so a small file beside the runs says how far it came. An episode
        that is sent again has the run and the step that it had, and the server keeps one.
        """
        search = self.search
        self._folder = search.database.parent if self.options.folder is None else Path(self.options.folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._position = self._folder / f"wandb-{search.name}-{search.identity}.json"
        last = json.loads(read_whole(self._position, 4096))["episode"] if self._position.exists() else 0
        self._run = self._begin(search.name, search.identity, "search", {"seed": search.seed, **search.experiment})
        return int(last)

    def write(self, observed: ObservedEpisode) -> None:
        """Keep the evaluation as a run of its own, and the episode as a step of the search's."""
        episode = observed.episode
        if observed.evaluation is not None:
            self._write_evaluation(observed, observed.evaluation)
        values = {
            "score": episode.score,
            "best_score": observed.best_score,
            "reward": episode.reward,
            "models": episode.iteration,
            **episode.recorded,
        }
        self._run.log(_finite(values), step=episode.number)
        with written_whole(self._position) as part:
            part.write_text(json.dumps({"episode": episode.number}) + "\n", encoding="utf-8")

    def stop(self) -> None:
        """End the run of the search."""
        self._run.finish()

    def _write_evaluation(self, observed: ObservedEpisode, evaluation: Evaluation) -> None:
        episode, score = observed.episode, self.search.score
        facts: dict[str, Any] = {**named_decisions(observed.actions), **observed.costs}
        facts |= {"model": episode.model, "architecture": episode.architecture}
        run = self._begin(f"model {episode.model}", f"{self.search.identity}-{episode.number}", "model", facts)
        for point in evaluation.curve:
            run.log(_finite({score.name: point.score, **point.figures}), step=point.step)
        run.summary.update(_finite({"score": evaluation.score, "reward": episode.reward, **evaluation.figures}))
        run.summary.update({"status": str(evaluation.status), "reason": evaluation.reason})
        run.finish(exit_code=0 if evaluation.status.has_score else 1)

    def _begin(self, name: str, identity: str, kind: str, config: Mapping[str, Any]) -> Any:
        import wandb

        return wandb.init(
            project=self.options.project,
            entity=self.options.entity,
            mode=self.options.mode,
            dir=str(self._folder),
            id=identity,
            name=name,
            group=f"{self.search.name}-{self.search.identity}",
            job_type=kind,
            config=dict(config),
            resume="allow",
            reinit="create_new",
            # Nothing of this process or machine is of interest there.
            settings=wandb.Settings(console="off", silent=True, x_disable_stats=True, x_disable_meta=True),
        )


def _finite(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
