"""The experiments that come with the package, and how an experiment file is read."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from contracts.agents import STRATEGIES, ask

from metaqnn.config import as_mapping
from metaqnn.errors import ConfigError, DamageError
from metaqnn.networks.targets.classes import accuracy
from metaqnn.networks.training.early_stopping_config import (
    ExtrapolationConfig,
    RegressionConfig,
    SuccessiveHalvingConfig,
)
from metaqnn.strategies.schedule import PAPER_SCHEDULE, Schedule
from metaqnn.workflows import (
    SearchOptions,
    build_components,
    default_database,
    load_experiment,
    read_experiment,
    shipped_experiments,
    stored_budget,
    stored_schedule,
)
from metaqnn.workflows.forecast import format_duration
from metaqnn.workflows.old_names import as_recorded

SHAPES = {
    "digits": ((8, 8, 1), 10),
    "mnist": ((28, 28, 1), 10),
    "fashion_mnist": ((28, 28, 1), 10),
    "cifar10": ((32, 32, 3), 10),
    "cifar100": ((32, 32, 3), 100),
    "svhn": ((32, 32, 3), 10),
}
SHIPPED = [*SHAPES, "mnist_quick", "cifar10_quick", "digits_table"]
SHIPPED += ["nas_rl_cifar10", "nas_rl_cifar10_quick", "nas_rl_mnist_quick"]
SHIPPED += ["block_qnn_cifar10", "block_qnn_cifar10_quick", "block_qnn_mnist_quick"]
DEPTHS = {"svhn": 12, "mnist": 12, "cifar10": 18, "fashion_mnist": 12, "cifar100": 18}
"""Those with the paper's settings: its own three, and two data sets of the same sizes."""


def components(experiment, shape, classes):
    """What an experiment is made of, over images of a shape."""
    return build_components(experiment, {"input_shape": shape, "classes": classes}, accuracy(classes))


def stored(config):
    """A database that was started so."""
    return SimpleNamespace(config=lambda: config, path="stored")


def refusal(**content) -> str:
    """The message with which a file is refused that would be fine without `content`."""
    with pytest.raises(ConfigError) as error:
        read_experiment({"name": "x", "dataset": {"name": "digits"}, **content}, "a.yaml")
    return str(error.value)


# What is shipped


def test_these_experiments_are_shipped():
    assert sorted(shipped_experiments()) == sorted(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_experiment_can_be_put_together(name):
    experiment = load_experiment(name)
    assert experiment.name == name
    assert experiment.seed == 0
    dataset = name.removesuffix("_quick").removesuffix("_table").removeprefix("nas_rl_").removeprefix("block_qnn_")
    assert experiment.dataset.name == dataset
    assert default_database(experiment).as_posix() == f"replay_db/{name}.sqlite"
    shape, classes = SHAPES[experiment.dataset.name]
    parts = components(experiment, shape, classes)
    trajectory = ask(parts.make_strategy(), 1, 1.0)
    assert parts.space.trajectory(trajectory.architecture) == trajectory
    costs = parts.space.costs(parts.space.parse(trajectory.architecture))
    assert parts.reward(None, costs) == 1 / classes or experiment.reward.name == "cost_aware"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_experiment_is_stored_and_read_again(name):
    experiment = load_experiment(name).begun({}, DB)
    assert read_experiment(experiment.as_mapping(), "stored") == experiment
    assert load_experiment(shipped_experiments()[name]).begun({}, DB) == experiment


def test_options_of_files_are_stored_among_the_other_keys_and_read_again():
    experiment = load_experiment("digits", overrides=["dataset.name=scans.csv", "dataset.label_column=defect"])
    stored = experiment.begun({}, DB).as_mapping()
    assert stored["dataset"]["label_column"] == "defect"
    assert "options" not in stored["dataset"]
    assert read_experiment(stored, "stored") == experiment.begun({}, DB)
    twice = {**stored, "dataset": {**stored["dataset"], "options": {"label_column": "defect"}}}
    assert as_recorded(twice) == as_recorded(stored)


def test_nas_rl_s_numbers():
    # Zoph & Le (ICLR 2017), section 4.1.
    experiment = load_experiment("nas_rl_cifar10")
    space = experiment.space.as_mapping()
    assert space["convolution"] | {"activations": ["relu"]} == {
        "filters": [24, 36, 48, 64],
        "receptive_fields": [1, 3, 5, 7],
        "strides": [1],
        "activations": ["relu"],
    }
    assert (space["skip_connections"], space["pooling"]) == (True, [])
    strategy = experiment.strategy.as_mapping()
    assert (strategy["layers"], strategy["hidden_units"], strategy["learning_rate"]) == (2, 35, 0.0006)
    assert (strategy["episodes_per_update"], strategy["reward_exponent"]) == (8, 3)
    assert strategy["growth"] == {"start": 6, "add": 2, "every": 1600}
    assert (experiment.training.epochs, experiment.search.models, experiment.search.lookahead) == (50, 12800, 8)
    assert experiment.network_dataset.validation_size == 5000


def test_block_qnn_s_numbers():
    # Zhong et al. (CVPR 2018), sections 3 and 4.1: 178 iterations of 64 blocks.
    experiment = load_experiment("block_qnn_cifar10")
    space = experiment.space.as_mapping()
    assert (space["max_layers"], space["filters"], space["convolution"]) == (23, [32, 64, 128], [1, 3, 5])
    strategy = experiment.strategy.as_mapping()
    assert (strategy["learning_rate"], strategy["reward_shaping"]) == (0.01, "uniform")
    stages = [(epsilon, number / 64) for epsilon, number in strategy["schedule"]]
    assert stages == [(1.0, 95), (0.9, 7), (0.8, 7), (0.7, 7), *((e / 10, 10) for e in range(6, 1, -1)), (0.1, 12)]
    assert sum(number for _, number in strategy["schedule"]) == experiment.search.models == 11_392
    training = experiment.training
    assert (training.epochs, training.batch_size, training.learning_rate) == (12, 256, 0.001)
    assert (training.decay_factor, training.decay_epochs) == (0.2, 5)


@pytest.mark.parametrize("name", DEPTHS)
def test_the_paper_s_numbers(name):
    experiment = load_experiment(name)
    assert experiment.space.as_mapping() == {
        "name": "layers",
        "max_depth": DEPTHS[name],
        "convolution": {
            "filters": [64, 128, 256, 512],
            "receptive_fields": [1, 3, 5],
            "strides": [1],
            "activations": ["relu"],
        },
        "separable_convolution": None,
        "pooling": [[5, 3], [3, 2], [2, 2]],
        "average_pooling": [],
        "batch_normalization": False,
        "fully_connected": {"neurons": [512, 256, 128], "max_in_row": 2, "below_size": 8, "activations": ["relu"]},
        "global_average_pooling": True,
        "representation_bins": [8, 4, 1],
        "limits": {"parameters": None, "flops": None},
        "minimum_convolutions": 0,
        "one_dimensional": False,
        "skip_connections": False,
    }
    assert experiment.strategy.as_mapping() == {
        "name": "q_learning",
        "preset": "paper",
        "learning_rate": 0.01,
        "discount": 1.0,
        "initial_q": 0.5,
        "replay_episodes": 100,
        "replay_after_repeats": False,
        "reward_shaping": "none",
        "planning": None,
        "schedule": [list(stage) for stage in PAPER_SCHEDULE],
        "max_repeats": 500,
    }
    assert experiment.search.models == 2700
    assert experiment.reward.as_mapping() == {"name": "score", "failure": "declared"}
    training = as_mapping(experiment.training)
    assert {key: training[key] for key in PAPER_TRAINING} == PAPER_TRAINING
    dataset = experiment.as_mapping()["dataset"]
    assert dataset == {
        "name": name,
        "train_limit": None,
        "validation_size": 5000,
        "preprocessing": "standardize",
        "mirror": True,
        "decoding": 2,
    }


PAPER_TRAINING = {
    "epochs": 20,
    "batch_size": 128,
    "learning_rate": 0.001,
    "decay_factor": 0.2,
    "decay_epochs": 5,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "restart_factor": 0.4,
    "max_restarts": 5,
    "restart_epoch": 1,
    "restart_accuracy": 1.5,
    "weight_decay": 0.0005,
    "dropout": True,
    "max_seconds": None,
}


def test_the_rates_of_the_paper_s_training():
    training = load_experiment("cifar10").training
    rates = [training.rate(0.001, epoch) for epoch in (1, 5, 6, 10, 11, 15, 16, 20)]
    assert rates == pytest.approx([0.001, 0.001, 2e-4, 2e-4, 4e-5, 4e-5, 8e-6, 8e-6])


def test_the_paper_s_schedule_is_kept_as_it_is():
    experiment = load_experiment("cifar10")
    schedule = Schedule(experiment.strategy.options.schedule, experiment.strategy.options.max_repeats)
    assert schedule.scaled(experiment.search.models) == schedule
    assert schedule.stages == PAPER_SCHEDULE


@pytest.mark.parametrize("name", ["digits", "mnist_quick", "cifar10_quick"])
def test_the_small_ones_are_small(name):
    experiment = load_experiment(name)
    assert experiment.search.models <= 40
    shape, classes = SHAPES[experiment.dataset.name]
    space = components(experiment, shape, classes).space
    limit = experiment.space.options.limits.flops
    assert name == "digits" or limit <= 20_000_000
    for text in (f"[SM({classes})]", f"[GAP({classes}), SM({classes})]"):
        assert space.trajectory(text).architecture == text


def test_an_image_of_a_search_over_digits_costs_a_few_megaflops():
    # The most expensive network of the embedded default: six times C(64,5,1) on 8x8.
    space = components(load_experiment("digits"), (8, 8, 1), 10).space
    text = "[" + "C(64,5,1), " * 6 + "SM(10)]"
    assert space.trajectory(text).architecture == text
    assert space.costs(space.parse(text))["flops"] == 2 * (64 * 25 * 64 + 5 * 64 * 25 * 64 * 64 + 4096 * 10)


# How a file is read


def test_overrides_win():
    experiment = load_experiment("digits", ["training.epochs=3", "strategy.initial_q=1e-2", "name=mine", "seed=7"])
    assert (experiment.training.epochs, experiment.strategy.options.initial_q) == (3, 0.01)
    assert (experiment.name, experiment.seed) == ("mine", 7)
    assert experiment.training.batch_size == load_experiment("digits").training.batch_size
    assert load_experiment("digits", ["seed=1", "seed=2"]).seed == 2


def test_a_file_of_one_s_own(tmp_path):
    for name in ("own.yaml", "own.yml"):
        path = tmp_path / name
        path.write_text("name: own\ndataset: {name: digits}\nspace:\nreward:\n", encoding="utf-8")
        experiment = load_experiment(path)
        assert load_experiment(str(path)) == experiment
        assert (experiment.name, experiment.seed, experiment.search.models) == ("own", 0, None)
        assert experiment.space == read_experiment({"name": "x", "dataset": {"name": "digits"}}, "").space


def test_a_key_beside_the_preset_wins_over_it():
    content = {"name": "x", "dataset": {"name": "digits"}, "strategy": {"preset": "paper", "replay_episodes": 128}}
    strategy = read_experiment(content, "a.yaml").strategy
    assert (strategy.options.replay_episodes, strategy.options.learning_rate) == (128, 0.01)
    meant = read_experiment({**content, "strategy": None}, "").strategy
    assert (strategy.name, meant.name, meant.options.preset) == ("q_learning", "q_learning", "default")


DB = Path("a.sqlite")

GUIDED = (
    "a.yaml: strategy: what was 'name: q_learning' with keys such as 'candidates' is called 'name: linear_ucb' now."
)


@pytest.mark.parametrize(
    ("section", "now", "line"),
    [
        ({"name": "q_learning", "preset": "default"}, "q_learning", None),
        ({"name": "q_learning", "preset": "default", "optimism": 1.0}, "linear_ucb", GUIDED),
        ({"name": "q_learning", "candidates": 7}, "linear_ucb", GUIDED),
        ({"name": "q_learning"}, "q_learning", None),
        ({"name": "q_learning", "learning_rate": 0.1}, "q_learning", None),
        ({"name": "q_learning", "preset": "paper"}, "q_learning", None),
        ({"preset": "paper"}, "q_learning", None),
        ({"preset": "default"}, "q_learning", None),
        ({"name": "linear_ucb"}, "linear_ucb", None),
        ({"candidates": 7}, "linear_ucb", GUIDED),
        ({}, "q_learning", None),
    ],
)
def test_names_of_before_are_read_and_the_new_one_is_said(section, now, line):
    lines = []
    content = {"name": "x", "dataset": {"name": "digits"}, "strategy": section}
    strategy = read_experiment(content, "a.yaml", lines.append).strategy
    assert (strategy.name, lines) == (now, [] if line is None else [line])
    assert {name: getattr(strategy.options, name) for name in section if name not in ("name", "preset")} == {
        name: value for name, value in section.items() if name not in ("name", "preset")
    }
    assert read_experiment(content, "stored").strategy == strategy


def test_a_search_goes_on_with_its_strategy_where_none_is_named():
    content = {"name": "x", "dataset": {"name": "digits"}}
    stored = {"experiment": {**content, "strategy": {"name": "linear_ucb", "preset": "default", "candidates": 9}}}
    begun = read_experiment(content, "a.yaml").begun(stored, DB)
    assert (begun.strategy.name, begun.strategy.options.candidates) == ("linear_ucb", 9)
    guided = {**content, "strategy": {"name": "q_learning", "preset": "default", "candidates": 9}}
    assert read_experiment(content, "a.yaml").begun({"experiment": guided}, DB).strategy == begun.strategy
    assert read_experiment(content, "a.yaml").begun({}, DB).strategy.name == "q_learning"
    named = read_experiment({**content, "strategy": {"name": "random"}}, "a.yaml")
    assert named.begun(stored, DB).strategy == named.strategy
    damaged = {"experiment": {**content, "strategy": {"name": "linear_ucb", "candidates": "x"}}}
    place = "a.sqlite: table config, row 'experiment', column value: as an experiment: strategy.candidates: "
    with pytest.raises(DamageError, match=f"^{place}expected a whole number, got the text 'x'; restore a copy"):
        read_experiment(content, "a.yaml").begun(damaged, DB)
    elsewhere = {"experiment": {**content, "strategy": {"name": "not_installed"}}}
    assert read_experiment(content, "a.yaml").begun(elsewhere, DB).strategy.name == "q_learning"


@pytest.mark.parametrize(
    ("section", "now"),
    [
        ({"name": "q_learning", "preset": "default", "schedule": [[0.2, 2700]]}, "linear_ucb"),
        ({"name": "q_learning", "preset": "default", "candidates": 15}, "linear_ucb"),
        ({"name": "q_learning", "preset": "paper", "learning_rate": 0.01}, "q_learning"),
        ({"name": "q_learning", "learning_rate": 0.01}, "q_learning"),
        ({"name": "linear_ucb", "preset": "default"}, "linear_ucb"),
    ],
)
def test_a_database_of_before_there_was_planning_goes_on_without(section, now):
    content = {"name": "x", "dataset": {"name": "digits"}, "strategy": section}
    strategy = read_experiment(as_recorded(content), "stored").strategy
    assert strategy.name == now
    assert getattr(strategy.options, "planning", None) is None
    planned = read_experiment({**content, "strategy": {"name": "q_learning"}}, "a.yaml")
    again = read_experiment(as_recorded(planned.as_mapping()), "stored")
    assert again.strategy == planned.strategy
    assert again.strategy.options.planning is not None


@pytest.mark.parametrize(
    ("sections", "now", "lines"),
    [
        (
            {"training": {"prediction": {"best": 2}}},
            {"training": {"early_stopping": {"best": 2}}},
            ["training: what was the key 'prediction' is called 'early_stopping' now"],
        ),
        (
            {"reward": {"name": "accuracy", "failure": "chance", "flops_weight": 0.0}},
            {"reward": {"name": "score", "failure": "declared"}},
            [
                "reward: what was 'failure: chance' is called 'failure: declared' now",
                "reward: what was 'name: accuracy' is called 'name: score' now",
            ],
        ),
        ({"reward": {"failure": 0.5, "parameters_weight": 0.0}}, {"reward": {"failure": 0.5}}, []),
    ],
)
def test_keys_of_before_are_read_and_the_new_ones_are_said(sections, now, lines):
    said = []
    content = {"name": "x", "dataset": {"name": "digits"}}
    assert read_experiment(content | sections, "a.yaml", said.append) == read_experiment(content | now, "a.yaml")
    assert said == [f"a.yaml: {line}." for line in lines]
    assert read_experiment(content | sections, "stored") == read_experiment(content | now, "stored")


def early_stopping_of(**section):
    content = {"name": "x", "dataset": {"name": "digits"}, "training": {"early_stopping": section}}
    return read_experiment(content, "a.yaml").training.early_stopping


def test_the_rule_of_early_stopping_is_chosen_by_its_name():
    # What databases of before hold has no name, and means the only rule that there was.
    assert early_stopping_of() == early_stopping_of(name="regression") == RegressionConfig()
    before = {"probability": 0.99, "best": 1, "min_networks": 30, "control_share": 0.1}
    assert early_stopping_of(**before, first_share=0.2, last_share=0.5) == RegressionConfig()
    halving = early_stopping_of(name="successive_halving", reduction_factor=3)
    assert halving == SuccessiveHalvingConfig(reduction_factor=3)
    assert early_stopping_of(name="extrapolation", best=2) == ExtrapolationConfig(best=2)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        (
            {"name": "extrapolate"},
            "training.early_stopping.name: 'extrapolate' is not one of its values; did you mean 'extrapolation'?",
        ),
        (
            {"name": 3},
            "training.early_stopping.name: 3 is not one of its values; valid names are extrapolation, regression,"
            " successive_halving",
        ),
        (
            {"name": "successive_halving", "probability": 0.9},
            "training.early_stopping.probability: there is no such key; valid names are control_share, first_rung,"
            " min_networks, name, reduction_factor",
        ),
        (
            {"name": "successive_halving", "first_rung": 20},
            "training.early_stopping: expected a first_rung before the last of 20 epochs, got 20",
        ),
        (
            {"name": "successive_halving", "reduction_factor": 1.5},
            "training.early_stopping.reduction_factor: expected a whole number, got the number 1.5",
        ),
        (
            "halving",
            "training.early_stopping: expected a section of keys and values or nothing, got the text 'halving'",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_in_a_sentence(section, sentence):
    assert refusal(training={"early_stopping": section}) == f"a.yaml: {sentence}"


def test_an_old_key_beside_the_new_one_is_refused():
    assert refusal(training={"prediction": {}, "early_stopping": {}}) == (
        "a.yaml: training.prediction: there is no such key; did you mean 'precision'?"
    )


def test_a_name_of_before_in_a_file_is_a_warning_in_python(tmp_path):
    (tmp_path / "a.yaml").write_text("name: a\ndataset: {name: digits}\nstrategy: {name: q_learning, candidates: 7}\n")
    with pytest.warns(FutureWarning, match="is called 'name: linear_ucb' now") as warned:
        load_experiment(tmp_path / "a.yaml")
    assert warned[0].filename == __file__


def test_an_unknown_experiment():
    with pytest.raises(ConfigError) as error:
        load_experiment("digit")
    assert str(error.value) == "there is no experiment 'digit' (a file would end in .yaml); did you mean 'digits'?"
    with pytest.raises(ConfigError) as error:
        load_experiment("zzz")
    names = ", ".join(sorted(SHIPPED))
    assert str(error.value) == f"there is no experiment 'zzz' (a file would end in .yaml); valid names are {names}"


def test_an_absent_file(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path / "digits"):
        with pytest.raises(ConfigError) as error:
            load_experiment(path)
        assert str(error.value) == f"{path}: there is no such file"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"trainig": {}}, "trainig: there is no such section; did you mean 'training'?"),
        (
            {"zzz": {}},
            "zzz: there is no such section; valid names are dataset, evaluator, final, name, observers, reward, "
            "search, seed, space, strategy, training, warm_start",
        ),
        (
            {"strategy": {"name": "q_learing"}},
            "strategy.name: there is no strategy 'q_learing'; did you mean 'q_learning'?",
        ),
        ({"strategy": {"preset": "papr"}}, "strategy.preset: there is no preset 'papr'; did you mean 'paper'?"),
        (
            {"strategy": {"preset": None}},
            "strategy.preset: there is no preset None; valid names are block_qnn, default, paper",
        ),
        ({"strategy": [1]}, "strategy: expected keys and values such as 'name: NAME', got [1]"),
        (
            {"strategy": {"name": "linear_ucb", "learning_rate": 0.1}},
            "strategy.learning_rate: 'linear_ucb' has no such key, which is one of 'strategy.name: controller' or "
            "'strategy.name: q_learning' or 'strategy.name: reinforce'; name that strategy, or leave the key out",
        ),
        (
            {"strategy": {"preset": "paper", "lerning_rate": 1}},
            "strategy.lerning_rate: there is no such key; did you mean 'learning_rate'?",
        ),
        ({"strategy": {"schedule": [[1.5, 3]]}}, "strategy.schedule: expected every epsilon from 0 to 1, got 1.5"),
        ({"name": ""}, "name: expected letters, digits, '-', '_' and '.', got ''"),
        ({"name": "a/b"}, "name: expected letters, digits, '-', '_' and '.', got 'a/b'"),
        ({"name": ".hidden"}, "name: expected letters, digits, '-', '_' and '.', got '.hidden'"),
        ({"name": 5}, "name: expected a text, got the number 5"),
        ({"seed": -1}, "seed: expected a whole number from 0 to 9223372036854775807, got -1"),
        ({"seed": 2**63}, f"seed: expected a whole number from 0 to 9223372036854775807, got {2**63}"),
        ({"seed": True}, "seed: expected a whole number, got the truth value True"),
        ({"dataset": None}, "dataset.name: this key must be given"),
        ({"space": {"max_depth": 0}}, "space.max_depth: expected at least 1 layer before SM, got 0"),
        ({"search": {"lookahead": 0}}, "search.lookahead: expected from 1 to 1000, got 0"),
        ({"training": {"epochs": 0}}, "training.epochs: expected at least 1, got 0"),
        (
            {"dataset": {"name": "digits", "preprocessing": "standardise"}},
            "dataset.preprocessing: 'standardise' is not one of its values; did you mean 'standardize'?",
        ),
    ],
)
def test_a_file_that_is_refused(content, problem):
    assert refusal(**content) == f"a.yaml: {problem}"


def test_a_file_without_a_name():
    with pytest.raises(ConfigError, match=r"^a\.yaml: name: this key must be given$"):
        read_experiment({"dataset": {"name": "digits"}}, "a.yaml")


@pytest.mark.parametrize("key", ["name", "preset"])
@pytest.mark.parametrize("value", [[1], {}], ids=["list", "section"])
def test_a_strategy_whose_name_is_no_text(key, value):
    assert refusal(strategy={key: value}).startswith(f"a.yaml: strategy.{key}: ")


def test_choices_come_from_the_registry():
    for name, strategy in STRATEGIES.items():
        for preset in strategy.PRESETS:
            content = {"name": "x", "dataset": {"name": "digits"}, "strategy": {"name": name, "preset": preset}}
            assert read_experiment(content, "a.yaml").strategy.name == name


def test_a_limit_that_no_network_keeps():
    experiment = load_experiment("digits", ["space.limits={parameters: 10}"])
    with pytest.raises(ConfigError, match=r"^space\.limits: \[SM\(10\)\] alone has 650 parameters and 1,280 FLOPs"):
        components(experiment, (8, 8, 1), 10)


def test_a_schedule_follows_from_the_budget_that_is_stored():
    overrides = ["strategy.name=q_learning", "strategy.preset=paper", "strategy.max_repeats=7"]
    content = load_experiment("digits", overrides).as_mapping()
    schedule = Schedule(PAPER_SCHEDULE, 7).scaled(40)
    assert stored_schedule(stored({"experiment": content, "budget": 40})) == schedule
    assert stored_schedule(stored({"experiment": content})) is None


def test_a_database_of_before_stores_the_schedule_in_place_of_the_budget():
    content = load_experiment("cifar10").as_mapping()
    for models in (1, 4, 10, 40, 2700, 5000):
        schedule = Schedule(PAPER_SCHEDULE, 500).scaled(models)
        old = {"experiment": content, "schedule": as_mapping(schedule)}
        assert stored_budget(old) == models
        assert stored_schedule(stored(old)) == schedule


# A start


@pytest.mark.parametrize("models", [0, -5, 10_000_001])
def test_an_impossible_budget(models):
    with pytest.raises(ConfigError, match=f"^--models: expected from 1 to 10000000, got {models}$"):
        SearchOptions(models=models)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (600, "10 min"),
        (89 * 60, "89 min"),
        (90 * 60, "1 h 30 min"),
        (47.5 * 3600, "47 h 30 min"),
        (48 * 3600, "2 days 0 h"),
        (50 * 3600 + 1, "2 days 2 h"),
        (1234 * 86400, "1,234 days 0 h"),
    ],
)
def test_durations_for_people(seconds, text):
    assert format_duration(seconds) == text
