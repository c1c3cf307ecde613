"""What is to be trained again after a search, and whether it can be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metaqnn.config import as_mapping, override
from metaqnn.core import Retraining, Status, TrainingSplit
from metaqnn.errors import ConfigError, ReplayError, brief
from metaqnn.networks.architecture import parse
from metaqnn.networks.compiling import compile_network
from metaqnn.networks.data import DatasetConfig, SearchData, data_facts, load_search_data, open_source
from metaqnn.networks.operations.operation import Shape
from metaqnn.networks.retraining.choice import best_of_each_model, problem_with, rank
from metaqnn.networks.retraining.config import RetrainingConfig, read_recipe
from metaqnn.networks.retraining.transfer import refuse_unbuildable, refuse_untransferable, retrained_text
from metaqnn.networks.training.backend import Backend, recorded_backend, require_backend
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import read_retrainings
from metaqnn.replay.tables import top
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
        break_lock: take the database from a process of which this machine cannot know whether it has ended.
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
    break_lock: bool = False


@dataclass(frozen=True)
class RetrainingPlan:
    """What will be trained, before numbers are given, and by which backend of Keras."""

    experiment: Experiment
    dataset: DatasetConfig
    data: SearchData
    recipe: RetrainingConfig
    backend: Backend
    wanted: tuple[Retraining, ...]


def plan_retrainings(reader: ReplayReader, options: TrainOptions, announce: Callable[[str], None]) -> RetrainingPlan:
    """What a search's database and the options ask for.

    Everything that can be refused is, before anything is written.

    Raises:
        MetaqnnError: it cannot be done.
    """
    experiment = stored_experiment(reader)
    if not experiment.is_of_networks:
        raise ReplayError(
            f"{reader.path}: expected a search over networks, which alone are retrained, but its evaluator is "
            f"{experiment.evaluator.name!r}"
        )
    backend = recorded_backend(reader)
    require_backend(backend)
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
    kind = stored.get("target", {}).get("kind", "classes")
    if data.target.kind != kind or data.target.score.name != reader.score().name:
        raise ReplayError(
            f"{reader.path}: expected data whose targets are {kind}, measured by {reader.score().name}, as in the "
            f"search, got {data.target.kind} of {dataset.name}, measured by {data.target.score.name}; name other data "
            "with --dataset, or search on these"
        )
    wanted = []
    for model, text in models:
        architecture, origin = retrained_text(text, data.classes, recipe), None
        refuse_unbuildable(architecture, data.input_shape, dataset.name)
        if options.finetune:
            if recipe.repeats or recipe.filters:
                raise ConfigError(
                    "--finetune: expected the stacks of the network whose weights are taken along, got final.repeats "
                    "or final.filters; leave those or --finetune out"
                )
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
    return RetrainingPlan(experiment, dataset, data, recipe, backend, tuple(wanted))


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
    dataset = experiment.network_dataset.as_mapping() | {"train_limit": None}
    content: dict[str, Any] = {"final": section, "dataset": dataset}
    if options.dataset is not None:
        content["dataset"] |= {"name": options.dataset, "target": dataset.get("target", "classes")}
    for assignment in options.overrides:
        named = assignment.partition(".")[0].strip()
        if named not in (["final", "dataset"] if options.dataset is not None else ["final"]):
            raise ConfigError(
                f"--set {brief(assignment)}: expected a key of the section final, such as final.epochs=20; everything "
                "else is as it was in the search (with --dataset, keys of the section dataset may be set too)"
            )
        content = override(content, assignment)
    recipe = read_recipe(content["final"], "the retraining recipe")
    return recipe, DatasetConfig.recorded(content["dataset"], "the data set")


def _origin(reader: ReplayReader, model: int, experiment: Experiment) -> Retraining:
    """The trained network whose weights are taken along: the best of the model on the search's own data.

    Raises:
        ReplayError: there is none, or its weights cannot be used.
    """
    own = experiment.network_dataset.name
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


def retrained_size(architecture: str, input_shape: Shape, batch_normalization: bool) -> int:
    """Weights and biases; batch normalisation has a scale, an offset, a mean and a variance in place of each bias."""
    graph = compile_network(parse(architecture), tuple(input_shape), batch_normalization=batch_normalization)
    return graph.parameters
