"""A search as a study of Optuna, for `optuna-dashboard` and Optuna's own figures."""

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from metaqnn.core import EpisodeOrigin, Evaluation, Space, Status, Trajectory
from metaqnn.errors import ReplayError
from metaqnn.observers.decisions import step_name
from metaqnn.replay.exporting import write_without_waiting
from metaqnn.replay.observed import ObservedEpisodes, observed_search
from metaqnn.replay.places import new_place
from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows.components import stored_space


def export_optuna(reader: ReplayReader, target: Path, allowed: tuple[str, ...] = ()) -> int:
    """Write a study of Optuna into a new SQLite file: a trial for every evaluation.

    Its parameters are the decisions, `step 01` and so on, each categorical over what was legal there in any of the
    trials; its intermediate values are the learning curve; what was stopped early is pruned, what failed has failed,
    and what is in flight is running. Costs, architecture and the like are user attributes.

    Args:
        reader: the database of a search.
        target: the file, which must not exist.
        allowed: each `module:Name` of the search that may be run, for its space.

    Returns:
        how many trials there are.

    Raises:
        ReplayError: Optuna is not installed, the file holds no search, or the target cannot be written.
        PluginError: the space of the search is not installed, or not allowed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ReplayError(
            "--layout optuna needs the package optuna, which is not installed; pip install 'metaqnn[dashboard]'"
        ) from error
    reader.require_search()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = stored_space(reader, allowed)
    with reader.snapshot(is_long=True):
        search = observed_search(reader)
        trials = _trials(reader, space)
    with new_place(target) as part:
        storage = optuna.storages.RDBStorage(f"sqlite:///{part}")
        _hurry(storage)
        study = optuna.create_study(storage=storage, study_name=search.name, direction=search.score.direction)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([search.score.name])
        for name, value in {"seed": search.seed, "search": search.identity}.items():
            study.set_user_attr(name, value)
        study.add_trials(trials)
        storage.engine.dispose()
    return len(trials)


def _hurry(storage: Any) -> None:
    """Write no trial to the disk by itself: the file takes its name when it is whole, and is on the disk before."""
    from sqlalchemy import event

    event.listen(storage.engine, "connect", lambda connection, _: write_without_waiting(connection))
    storage.engine.dispose()  # connections of before


def _trials(reader: ReplayReader, space: Space) -> list[Any]:
    from optuna.trial import FrozenTrial, TrialState

    states = {Status.OK: TrialState.COMPLETE, Status.EARLY_STOPPED: TrialState.PRUNED}
    walks: dict[str, Trajectory] = {}

    def decisions(architecture: str) -> tuple[str, ...]:
        walks[architecture] = walks.get(architecture) or space.trajectory(architecture)
        return tuple(step.action for step in walks[architecture].steps)

    rows: list[tuple[str, Any, datetime, datetime | None, Evaluation | None, dict[str, Any]]] = []
    for observed in ObservedEpisodes(reader, decisions).new():
        episode, evaluation = observed.episode, observed.evaluation
        if evaluation is None:
            continue
        ended = datetime.fromisoformat(observed.recorded_at)
        attributes = {
            "episode": episode.number,
            "model": episode.model,
            "architecture": episode.architecture,
            "status": str(evaluation.status),
            "reason": evaluation.reason,
            "reward": episode.reward,
            "predicted": episode.score if episode.is_predicted else None,
            "seconds": evaluation.seconds,
            "device": evaluation.device,
            "attempts": len(evaluation.attempts),
            "retried": episode.origin is EpisodeOrigin.RETRIED,
            **observed.costs,
            **evaluation.figures,
            **episode.recorded,
        }
        state = states.get(evaluation.status, TrialState.FAIL)
        began = ended - timedelta(seconds=evaluation.seconds)
        rows.append((episode.architecture, state, began, ended, evaluation, attributes))
    for proposal in reader.proposals():
        if proposal.evaluation is not None:
            model = proposal.model
            decisions(model.architecture)
            attributes = {"episode": proposal.episode, "model": model.model, "architecture": model.architecture}
            rows.append(
                (model.architecture, TrialState.RUNNING, datetime.now(UTC), None, None, attributes | dict(model.costs))
            )
    distributions = _distributions(space, [walks[row[0]] for row in rows])
    trials = []
    for number, (architecture, state, began, completed, evaluation, attributes) in enumerate(rows):
        chosen = {step_name(place): step.action for place, step in enumerate(walks[architecture].steps, start=1)}
        curve = evaluation.curve if evaluation else ()
        trials.append(
            FrozenTrial(
                number=number,
                trial_id=number,
                state=state,
                value=evaluation.score if evaluation and state is TrialState.COMPLETE else None,
                datetime_start=_local(began),
                datetime_complete=completed and _local(completed),
                params=chosen,
                distributions={name: distributions[name] for name in chosen},
                user_attrs={name: value for name, value in attributes.items() if value not in (None, "")},
                system_attrs={},
                intermediate_values={point.step: point.score for point in curve if point.score is not None},
            )
        )
    return trials


def _distributions(space: Space, walks: list[Trajectory]) -> dict[str, Any]:
    """For each place the actions that were legal there in any trial, in the order of the space.

    Optuna asks that a parameter has the same choices in every trial.
    """
    from optuna.distributions import CategoricalDistribution

    legal: dict[str, set[str]] = {}
    for walk in walks:
        for place, step in enumerate(walk.steps, start=1):
            legal.setdefault(step_name(place), set()).update(step.choices)
    order = [str(action) for action in space.all_actions]
    return {
        name: CategoricalDistribution([action for action in order if action in choices])
        for name, choices in legal.items()
    }


def _local(time: datetime) -> datetime:
    """As Optuna keeps times: of this machine's zone, without saying so."""
    return time.astimezone().replace(tzinfo=None)
