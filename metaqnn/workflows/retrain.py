"""After a search: its best networks trained again by the retraining recipe, on its own data or on others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metaqnn.config import as_mapping, override, read_section
from metaqnn.core import TRAINING, Retraining, Status, TrainingSplit
from metaqnn.errors import ConfigError, ReplayError
from metaqnn.files import moved_aside
from metaqnn.networks.architecture import parse
from metaqnn.networks.costs import Shape, layer_costs
from metaqnn.networks.data import DatasetConfig, SearchData, data_facts, load_search_data, open_source
from metaqnn.networks.layers import Convolution, FullyConnected
from metaqnn.networks.retraining.choice import best_of_each_model, problem_with, rank, stored_network
from metaqnn.networks.retraining.config import RetrainingConfig, read_recipe
from metaqnn.networks.retraining.messages import DataSource, RetrainingEpochDone, RetrainingJob, RetrainingStarted
from metaqnn.networks.retraining.pool import train_all
from metaqnn.networks.retraining.stored import ENDING
from metaqnn.networks.retraining.transfer import refuse_unbuildable, refuse_untransferable, with_classes
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import (
    RetrainingMemory,
    kept_file,
    read_retraining,
    read_retrainings,
    weights_folder,
)
from metaqnn.replay.tables import top
from metaqnn.search.stop import StopRequest
from metaqnn.workers.environment import usable_cores, visible_gpus
from metaqnn.workflows.components import stored_experiment
from metaqnn.workflows.experiment import Experiment


@dataclass(frozen=True)
class TrainOptions:
    """What is asked for.

    Attributes:
        top: the so many best networks of the search.
        models: these models in place of them; empty is none.
        seeds: trainings of each.
        split: the images to learn from.
        recipe: name of the retraining recipe; None is the experiment's own section `final`.
        overrides: `final.KEY=VALUE`, and with another data set `dataset.KEY=VALUE`.
        dataset: name or path of another data set; None is the search's own.
        finetune: begin with the weights of the model's best retraining on the search's own data.
        retrain: train anew what was trained already.
        workers: processes side by side; None is one per GPU, otherwise one per core.
        gpus: which GPUs to train on; None is all that are visible.
        in_process: train in this process, one network after another, whatever `workers` says.
    """

    top: int = 5
    models: tuple[int, ...] = ()
    seeds: int = 1
    split: TrainingSplit = TrainingSplit.TRAIN
    recipe: str | None = None
    overrides: tuple[str, ...] = ()
    dataset: str | None = None
    finetune: bool = False
    retrain: bool = False
    workers: int | None = None
    gpus: tuple[str, ...] | None = None
    in_process: bool = False


@dataclass(frozen=True)
class TrainProgress:
    """Where the trainings stand.

    Attributes:
        epochs_done, epochs_total: over all of them.
        retrainings: trainings asked for.
        ended: of them.
        best_accuracy: the best validation accuracy after any epoch so far, in [0, 1]; None where nothing is held out.
    """

    epochs_done: int
    epochs_total: int
    retrainings: int
    ended: int
    best_accuracy: float | None = None

    @property
    def words(self) -> str:
        """The rest of it for people."""
        best = "" if self.best_accuracy is None else f", best {100 * self.best_accuracy:.2f} %"
        return f"{self.ended} of {self.retrainings} networks done{best}"


@dataclass(frozen=True)
class TrainReport:
    """How it ended: the trainings asked for as they stand now, and the signal that asked for an earlier end, if any."""

    retrainings: tuple[Retraining, ...]
    is_complete: bool
    signal: int | None


def train_best(
    database: Path,
    options: TrainOptions,
    on_progress: Callable[[TrainProgress], None] = lambda progress: None,
    announce: Callable[[str], None] = lambda line: None,
) -> TrainReport:
    """Train the best networks of a search again, or go on where the database stands.

    What was asked for before with the same recipe, seed and images is not trained twice.

    Args:
        database: of a search, or imported.
        options: what is asked for.
        on_progress: called when it begins and after each epoch.
        announce: called with lines for the user.

    Raises:
        MetaqnnError: it cannot begin or go on; nothing recorded is lost.
    """
    stop = StopRequest()
    with stop.installed():
        with ReplayReader(database) as reader:
            plan = _plan(reader, options, announce)
        with RetrainingMemory(database) as memory:
            folder = weights_folder(database)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ReplayError(f"{folder}: expected a folder that can be written, but {error.strerror}") from error
            retrainings = _record_asked(memory, plan, options.retrain)
            jobs = [
                _job(memory, retraining, plan, folder) for retraining in retrainings if retraining.status == TRAINING
            ]
            _clear_the_way(jobs, announce)
            watch = _Watch(retrainings, plan.recipe.num_epochs, on_progress, announce)
            gpus = visible_gpus() if options.gpus is None else options.gpus
            workers = 0 if options.in_process else options.workers or len(gpus) or usable_cores()
            with stop.deferred():
                is_complete = train_all(jobs, memory, workers, gpus, lambda: stop.requested, watch.see)
            retrainings = [read_retraining(memory, retraining.number) for retraining in retrainings]
    return TrainReport(tuple(retrainings), is_complete, None if is_complete else stop.signal)


@dataclass(frozen=True)
class _Plan:
    """What will be trained, before numbers are given."""

    experiment: Experiment
    dataset: DatasetConfig
    data: SearchData
    recipe: RetrainingConfig
    wanted: tuple[Retraining, ...]


def _plan(reader: ReplayReader, options: TrainOptions, announce: Callable[[str], None]) -> _Plan:
    """Everything that can be refused is, before anything is written."""
    experiment = stored_experiment(reader)
    if not experiment.is_of_networks:
        raise ReplayError(
            f"{reader.path}: expected a search over networks, which alone are retrained, but its evaluator is "
            f"{experiment.evaluator.name!r}"
        )
    models = _models(reader, options)
    recipe, dataset = _sections(experiment, options)
    if not open_source(dataset.name, dataset.options).available():
        announce(f"The data set {dataset.name} is not on this machine; trying to download it ...")
    data = load_search_data(dataset, experiment.seed)
    facts, stored = data_facts(data), reader.config()["data"]
    same = ("data_hash", "input_shape", "classes")  # the split of a search may have left images out
    if options.dataset is None and any(stored.get(key) not in (None, facts[key]) for key in same):
        raise ReplayError(
            f"{reader.path}: the data set {dataset.name} holds other images than those that were searched on; bring "
            "the old ones back, or name the data set with --dataset"
        )
    wanted = []
    for model, text in models:
        architecture, origin = with_classes(text, data.classes), None
        refuse_unbuildable(architecture, data.input_shape, dataset.name)
        if options.finetune:
            origin = _origin(reader, model, experiment)
            refuse_untransferable(text, tuple(origin.data["input_shape"]), data.input_shape)
            if origin.recipe["batch_normalization"] != recipe.batch_normalization:
                raise ConfigError(
                    f"--finetune: retraining {origin.number} was trained with final.batch_normalization="
                    f"{str(origin.recipe['batch_normalization']).lower()}; add `--set final.batch_normalization="
                    f"{str(origin.recipe['batch_normalization']).lower()}`"
                )
        parameters = retrained_size(architecture, data.input_shape, recipe.batch_normalization)
        for number in range(options.seeds):
            wanted.append(
                Retraining(
                    number=0,
                    model=model,
                    architecture=architecture,
                    seed=experiment.seed + number,
                    recipe=as_mapping(recipe),
                    dataset=dataset.as_mapping(),
                    data=facts,
                    split=options.split,
                    finetuned_from=origin.number if origin else None,
                    size=parameters,
                )
            )
    return _Plan(experiment, dataset, data, recipe, tuple(wanted))


def _models(reader: ReplayReader, options: TrainOptions) -> list[tuple[int, str]]:
    """Numbers and texts of the models that are asked for."""
    if options.models:
        known = {model.model: model.architecture for model in reader.models()}
        for model in options.models:
            if model not in known:
                there_are = f"its models are numbered 1 to {max(known)}" if known else "it has none yet"
                raise ReplayError(f"{reader.path}: there is no model {model}; {there_are}")
        return [(model, known[model]) for model in dict.fromkeys(options.models)]
    best = top(reader, options.top)
    rows = [(row[best.columns.index("model")], row[best.columns.index("architecture")]) for row in best.rows]
    if not rows:
        raise ReplayError(
            f"{reader.path}: expected a search with a finished network, but no network was trained to the end yet; let "
            "the search go on"
        )
    return rows


def _sections(experiment: Experiment, options: TrainOptions) -> tuple[RetrainingConfig, DatasetConfig]:
    """The recipe and the data set, as the experiment has them and as is said now."""
    section = as_mapping(experiment.final)
    if options.recipe is not None and options.recipe != section["name"]:
        section = {"name": options.recipe}
    # A search may learn from a part of the images to be quick; a retraining has them all.
    content: dict[str, Any] = {"final": section, "dataset": experiment.dataset.as_mapping() | {"train_limit": None}}
    if options.dataset is not None:
        content["dataset"] |= {"name": options.dataset}
    for assignment in options.overrides:
        named = assignment.partition(".")[0].strip()
        if named not in (["final", "dataset"] if options.dataset is not None else ["final"]):
            raise ConfigError(
                f"--set {assignment}: expected a key of the section final, such as final.epochs=20; everything else is "
                "as it was in the search (with --dataset, keys of the section dataset may be set too)"
            )
        content = override(content, assignment)
    recipe = read_recipe(content["final"], "the retraining recipe")
    return recipe, read_section(DatasetConfig, content["dataset"], "dataset", "the data set")


def _origin(reader: ReplayReader, model: int, experiment: Experiment) -> Retraining:
    """The trained network whose weights are taken along: the best of the model on the search's own data.

    Raises:
        ReplayError: there is none, or its weights cannot be used.
    """
    own = experiment.dataset.name
    retrainings = [
        retraining
        for retraining in read_retrainings(reader)
        if retraining.model == model and retraining.status == Status.OK and retraining.dataset["name"] == own
    ]
    if not retrainings:
        raise ReplayError(
            f"{reader.path}: --finetune begins with the weights of a trained network, but model {model} has none on "
            f"{own} yet; train it first: metaqnn train {reader.path} --model {model}"
        )
    best = best_of_each_model(rank(reader, retrainings))[0]
    if problem := problem_with(reader, best):
        raise ReplayError(f"{reader.path}: {problem}")
    return best


def _record_asked(memory: RetrainingMemory, plan: _Plan, retrain: bool) -> list[Retraining]:
    """The trainings that are asked for, with their numbers: those known from before, and new ones."""
    recorded = read_retrainings(memory)
    known = {_identity(retraining): retraining for retraining in recorded}
    numbers, new, asked = len(recorded), [], []
    for retraining in plan.wanted:
        found = known.get(_identity(retraining))
        if found is None:
            numbers += 1
            found = replace(retraining, number=numbers)
            new.append(found)
        elif found.status != TRAINING and (retrain or not _is_kept(memory, found)):
            memory.restart(found.number)
            found = read_retraining(memory, found.number)
        asked.append(found)
    memory.add(new)
    return asked


def _is_kept(memory: RetrainingMemory, retraining: Retraining) -> bool:
    """Whether a training has ended for good: what crashed, or lost its file, is tried again."""
    if retraining.status == Status.OK:
        return problem_with(memory, retraining) is None
    return retraining.status != Status.CRASHED


def _identity(retraining: Retraining) -> tuple:
    """What makes two trainings the same."""
    parts = (retraining.recipe, retraining.dataset, retraining.data)
    return (
        *(retraining.model, retraining.architecture, retraining.seed, retraining.split, retraining.finetuned_from),
        *(repr(sorted(as_mapping(dict(part)).items())) for part in parts),
    )


def _job(memory: RetrainingMemory, retraining: Retraining, plan: _Plan, folder: Path) -> RetrainingJob:
    origin = None
    if retraining.finetuned_from is not None:
        origin = stored_network(memory, read_retraining(memory, retraining.finetuned_from))
    return RetrainingJob(
        retraining.number,
        DataSource(plan.dataset, plan.experiment.seed, plan.data.fingerprint),
        retraining.architecture,
        plan.recipe,
        retraining.seed,
        retraining.split,
        str(
            kept_file(
                memory.path,
                f"final-{retraining.number}.checkpoint.npz",
                f"the checkpoint of retraining {retraining.number}",
            )
        ),
        str(folder / f"final-{retraining.number}{ENDING}"),
        origin,
        plan.data.input_shape,
    )


def _clear_the_way(jobs: Sequence[RetrainingJob], announce: Callable[[str], None]) -> None:
    """Move aside what lies where these trainings will write and is not theirs, as beside an older database put back.

    Raises:
        ReplayError: it cannot be moved.
    """
    from metaqnn.networks.retraining.trainer import is_checkpoint_of

    for job in jobs:
        network, checkpoint = Path(job.network), Path(job.checkpoint)
        for path in (network,) if is_checkpoint_of(checkpoint, job.identity) else (network, checkpoint):
            try:
                if moved := moved_aside(path):
                    announce(f"{path} is not of this training; it was moved to {moved.name}.")
            except OSError as error:
                raise ReplayError(f"{path}: expected to move this file aside, but {error.strerror}") from error


def retrained_size(architecture: str, input_shape: Shape, batch_normalization: bool) -> int:
    """Weights and biases; batch normalisation has a scale, an offset, a mean and a variance in place of each bias."""
    costs = layer_costs(parse(architecture), input_shape)
    normalised = sum(cost.shape[-1] for cost in costs if isinstance(cost.layer, Convolution | FullyConnected))
    return sum(cost.parameters for cost in costs) + (3 * normalised if batch_normalization else 0)


class _Watch:
    """Counts epochs for a display."""

    def __init__(
        self,
        retrainings: Sequence[Retraining],
        epochs: int,
        on_progress: Callable[[TrainProgress], None],
        announce: Callable[[str], None],
    ):
        self._epochs, self._on_progress, self._announce = epochs, on_progress, announce
        self._done = {retraining.number: 0 if retraining.status == TRAINING else epochs for retraining in retrainings}
        self._ended = {retraining.number for retraining in retrainings if retraining.status != TRAINING}
        self._best: float | None = None
        self._device = ""
        self._tell()

    def see(self, job: RetrainingJob, event: object) -> None:
        """An event of a training."""
        if isinstance(event, RetrainingStarted):
            self._done[job.number] = len(event.epochs)
            if event.device != self._device:
                self._device = event.device
                self._announce(f"Training on {event.device}.")
        elif isinstance(event, RetrainingEpochDone):
            self._done[job.number] = event.epoch.step
            if event.epoch.score is not None:
                self._best = max(event.epoch.score, self._best or 0.0)
            if event.epoch.step == self._epochs:
                return  # its end follows
        else:
            self._done[job.number] = self._epochs
            self._ended.add(job.number)
        self._tell()

    def _tell(self) -> None:
        total = self._epochs * len(self._done)
        self._on_progress(TrainProgress(sum(self._done.values()), total, len(self._done), len(self._ended), self._best))
