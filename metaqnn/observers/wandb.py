"""Weights & Biases: a run for the search, and one for each evaluation, in one group."""

import json
import math
import shutil
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

        What is offline cannot be asked what it has; so a small file beside the runs says how far they came. A run that
        is killed before it has ended may hold nothing of its history: the steps of the search since its last end are
        logged again, under the numbers that they had, of which Weights & Biases keeps one.
        """
        search = self.search
        self._folder = search.database.parent if self.options.folder is None else Path(self.options.folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._position = self._folder / f"wandb-{search.name}-{search.identity}.json"
        found: dict[str, Any] = (
            json.loads(read_whole(self._position, 4096)) if self._position.exists() else {"episode": 0}
        )
        self._last = int(found["episode"])
        self._whole = int(found.get("whole", self._last))
        facts = {"seed": search.seed, **search.experiment}
        self._run = self._begin(search.name, search.identity, "search", facts, found.get("open", ""))
        self._keep_position(Path(self._run.dir).parent.name)
        return self._whole

    def write(self, observed: ObservedEpisode) -> None:
        """Keep the evaluation as a run of its own, and the episode as a step of the search's."""
        episode = observed.episode
        if observed.evaluation is not None and episode.number > self._last:
            self._write_evaluation(observed, observed.evaluation)
        values = {
            "score": episode.score,
            "best_score": observed.best_score,
            "reward": episode.reward,
            "models": episode.iteration,
            **episode.recorded,
        }
        self._run.log(_finite(values), step=episode.number)
        if episode.number > self._last:
            self._last = episode.number
            self._keep_position(Path(self._run.dir).parent.name)

    def stop(self) -> None:
        """End the run of the search."""
        self._run.finish()
        self._whole = self._last
        self._keep_position()

    def _keep_position(self, open_run: str = "") -> None:
        """Say the last episode, the last of which the run of the search is whole, and the folder that is not ended."""
        position = {"episode": self._last, "whole": self._whole, "open": open_run}
        with written_whole(self._position) as part:
            part.write_text(json.dumps(position) + "\n", encoding="utf-8")

    def _write_evaluation(self, observed: ObservedEpisode, evaluation: Evaluation) -> None:
        episode, score = observed.episode, self.search.score
        facts: dict[str, Any] = {**named_decisions(observed.actions), **observed.costs}
        facts |= {"model": episode.model, "architecture": episode.architecture}
        identity = f"{self.search.identity}-{episode.number}"
        run = self._begin(f"model {episode.model}", identity, "model", facts, f"offline-run-*-{identity}")
        for point in evaluation.curve:
            run.log(_finite({score.name: point.score, **point.figures}), step=point.step)
        run.summary.update(_finite({"score": evaluation.score, "reward": episode.reward, **evaluation.figures}))
        run.summary.update({"status": str(evaluation.status), "reason": evaluation.reason})
        run.finish(exit_code=0 if evaluation.status.has_score else 1)

    def _begin(self, name: str, identity: str, kind: str, config: Mapping[str, Any], cut_off: str) -> Any:
        """A run; what a kill left of it on this machine, in folders of that name, is written anew."""
        import wandb

        for left in cut_off_runs(self._folder / "wandb", cut_off, identity):
            shutil.rmtree(left)
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


def cut_off_runs(folder: Path, pattern: str, identity: str) -> list[Path]:
    """Folders of a run of ours that did not end; whatever a position file says, nothing else is ever one.

    Args:
        folder: where Weights & Biases keeps what is offline.
        pattern: of the folder's name, `*` for anything.
        identity: of the run, which ends the name.
    """
    if "/" in pattern or not (pattern.startswith("offline-run-") and pattern.endswith(f"-{identity}")):
        return []
    return [found for found in folder.glob(pattern) if found.is_dir() and not found.is_symlink()]


def _finite(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None and math.isfinite(value)}
