"""The report of a search that is none over networks: a minimised score of guesses, over a space from outside."""

import re
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path

import pytest
from test_report_page import checked

from metaqnn.core import Attempt, CurvePoint, Evaluation, Score, Status
from metaqnn.core.plugins import find as find_plugin
from metaqnn.core.plugins import read_options
from metaqnn.networks.spaces.config import SpaceConfig
from metaqnn.networks.spaces.layer_space import LayerSpace
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.reports import page as page_module
from metaqnn.reports.comparison import regret_table
from metaqnn.reports.drawing import HEIGHT, style
from metaqnn.reports.page import render, write_report
from metaqnn.reports.pictures import figure_jobs
from metaqnn.reports.trace_figures import draw_values
from metaqnn.reports.values import Grouping, Line
from metaqnn.search.immediate import ImmediateExecutor
from metaqnn.search.loop import Search, SearchPlan
from metaqnn.search.rewards import ScoreReward, ScoreRewardOptions
from metaqnn.tables.chain import ChainConfig, ChainSpace
from metaqnn.tables.table import Entry, EvaluationTable
from metaqnn.workflows.compare import StrategySpec, run_trace
from metaqnn.workflows.table_files import Benchmark

ENTROPY = Score("guessing_entropy", "minimize", 0.0, 255.0, 127.5, of_curve="last", failure_name="chance")


class Priced(ChainSpace):
    """A chain whose architectures cost a price and steps, and one more that no figure shows."""

    def costs(self, actions):
        return {"price": 0.5 + sum(map(int, actions)), "clock_cycles": 10.0 ** max(map(int, actions)), "third": 1.0}


class Free(ChainSpace):
    """A chain whose architectures cost nothing."""


def attack(candidate) -> Evaluation:
    """A made-up attack: the further down the chain's digits, the better, with some noise; one in nine fails."""
    noise = blake2b(candidate.architecture.encode(), digest_size=1).digest()[0]
    if noise % 9 == 0:
        return Evaluation(Status.CRASHED, None, "the oscilloscope went away", (), {}, 0.25, "a bench")
    score = max(0.0, 200.0 - 12 * sum(map(int, candidate.architecture)) + noise / 8 - 20)
    curve = tuple(CurvePoint(step, score + 30.0 / step - 10, 0.5) for step in (1, 2, 3))
    return Evaluation(Status.OK, score, "", (Attempt(curve),), {"traces_to_rank_0": noise}, 1.5, "a bench")


def run(
    path: Path, strategy: str = "linear_ucb", space=Priced, evaluate=attack, models: int = 40, changes=None, **options
) -> Path:
    """Run the made-up search on a file, as a plug-in's search leaves it."""
    part = find_plugin("strategy", strategy, "a test").load()
    section = {"name": strategy, **options}
    if part.PRESETS:
        preset = next(iter(part.PRESETS))
        section = {"name": strategy, "preset": preset, **part.PRESETS[preset], **options}
    outside = {"package": "attacks", "version": "1.0", "name": "attacks:Priced"}
    config = {
        "experiment": {
            "name": "attacks",
            "seed": 1,
            "space": {"name": "attacks:Priced", "choices": [5, 4, 5]},
            "strategy": section,
            "evaluator": {"name": "side_channel", "orders": 100},
            "reward": {"name": "score", "failure": "declared"},
            "search": {"models": models, "lookahead": 1},
        },
        "seed": 1,
        "budget": models,
        "data": {"traces": "a1b2"},
        "score": asdict(ENTROPY),
        "plugins": {"space": outside, "evaluator": outside},
    }
    config |= changes or {}
    with SQLiteReplayMemory(path) as memory:
        memory.initialise(config)
        memory.begin_run(models, 1, {"attacks": "1.0"}, [])
        space = space(ChainConfig("chain", (5, 4, 5))) if isinstance(space, type) else space
        strategy = part(read_options(part, section, "strategy", "a test"), space, 1)
        reward = ScoreReward(ScoreRewardOptions(), ENTROPY)
        Search(SearchPlan(1, models, 1), space, strategy, ImmediateExecutor(evaluate), memory, reward).run()
        memory.end_run("completed")
    return path


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The database of the made-up search, not to be changed."""
    return run(tmp_path_factory.mktemp("attacks") / "attacks.sqlite", random_first=20)


WORDS_OF_NETWORKS = r"layer|parameters|flops|accuracy|keras|network|epoch|image|class(?:es)?\b|train"


def test_nothing_on_the_page_speaks_of_networks(find, searched):
    data = find(searched)
    html = render(data, {})
    page = checked(html)
    text = page.text.partition("The experiment, as it is recorded")
    shown = text[0] + text[2].partition("Score trace")[2] + " ".join(page.alternatives)
    assert not re.findall(WORDS_OF_NETWORKS, shown, re.IGNORECASE)
    assert not re.findall(r"layer|parameters|flops|accuracy|keras", page.text, re.IGNORECASE)
    for job in figure_jobs(data):
        assert not re.findall(WORDS_OF_NETWORKS, job.alternative + job.name, re.IGNORECASE)
    assert "%" not in shown.replace("95 %", "")
    assert "retrainings" not in page.ids
    assert "metaqnn replay verify" in page.text
    assert f"{searched} --allow attacks:Priced" in page.text


def test_lower_is_better_on_the_whole_page(find, searched):
    data = find(searched)
    scores = [ranked.score for ranked in data.ranking]
    assert scores == sorted(scores)
    assert data.trace.best[-1] == min(scores) == data.baseline.best
    assert list(data.trace.best) == [min(data.trace.scores[: n + 1]) for n in range(len(data.trace.scores))]
    page = checked(render(data, {}))
    best = ENTROPY.words(min(scores))
    assert f"Best guessing entropy (lower is better) {best} model {data.ranking[0].model}" in page.text
    assert "They are compared by their guessing entropy , of which less is better." in page.text
    assert f"1. Model {data.ranking[0].model}: {best} after step 3; price" in page.text
    assert "traces to rank 0" in page.text
    assert "failures count as chance" in page.text
    assert "its guessing entropy counts as chance, 127.5." in page.text
    assert f"The search found {best} . As many random architectures" in page.text
    assert "would be expected to reach at most" in page.text
    assert "and open below, since" in page.text


def test_the_trade_offs_are_over_the_first_two_costs(find, searched):
    data = find(searched)
    assert [each.cost for each in data.trade_offs] == ["price", "clock_cycles"]
    for each in data.trade_offs:
        costs, scores = [r.costs[each.cost] for r in each.front], [r.score for r in each.front]
        assert costs == sorted(costs)
        assert scores == sorted(scores, reverse=True)
        assert scores[-1] == data.ranking[0].score
    page = checked(render(data, {}))
    assert "Model Guessing entropy Price Clock cycles Front Architecture" in page.text


def test_axes_are_named_after_the_score_and_the_costs(find, searched):
    with style():
        figures = {job.name: job.draw().axes[0] for job in figure_jobs(find(searched, 1))}
    assert figures.keys() == {
        *("trace", "guessing_entropy-by-epsilon", "q-by-action", "top-01-curve", "times", "baseline"),
        *("guessing_entropy-price", "guessing_entropy-clock_cycles"),
    }
    trace, price = figures["trace"], figures["guessing_entropy-price"]
    assert trace.get_title(loc="left") == "Guessing entropy in the course of the search"
    assert trace.get_ylabel() == price.get_ylabel() == "guessing entropy (lower is better)"
    assert trace.get_xlabel() == "iteration (distinct architectures proposed)"
    assert price.get_xlabel().startswith("price")
    assert figures["guessing_entropy-clock_cycles"].get_xlabel() == "clock cycles (logarithmic)"
    assert figures["top-01-curve"].get_xlabel() == "step"
    assert figures["baseline"].get_ylabel() == "best guessing entropy (lower is better)"
    assert figures["times"].get_title(loc="left") == "Time of one evaluation"
    for axes in figures.values():
        low, high = axes.get_ylim()
        assert low < high  # nothing is upside down
        assert not any("%" in label.get_text() for label in axes.get_yticklabels())


def test_a_report_loads_no_plugin(find, searched, monkeypatch):
    from metaqnn.core import plugins

    def refuse(self):
        assert self.package == "metaqnn", f"{self.name} was loaded"
        return load(self)

    load = plugins.Plugin.load
    monkeypatch.setattr(plugins.Plugin, "load", refuse)
    assert find(searched).provenance.done == 40


def test_a_space_without_costs_and_a_strategy_without_values(find, tmp_path):
    data = find(run(tmp_path / "free.sqlite", "random", Free, models=20))
    assert data.trade_offs == ()
    assert data.values is None
    html = render(data, {})
    page = checked(html)
    assert re.search(r'<p class="facts small">after step 3; traces to rank 0 [\d.]+</p>', html)
    assert "cost" not in page.ids
    assert "The search is its own baseline." in page.text


def test_nothing_stands_after_the_last_fact_of_an_architecture(find, tmp_path):
    def plain(candidate):
        return replace(attack(candidate), figures={})

    html = render(find(run(tmp_path / "plain.sqlite", "random", Free, plain, 20)), {})
    assert '<p class="facts small">after step 3</p>' in html


@pytest.mark.parametrize("label", ["ok", "a middling name of an action", "hide_the_" * 9])
@pytest.mark.parametrize("count", [1, 5, 12])
def test_a_legend_below_lies_within_its_figure(label, count):
    lines = tuple(Line(f"{label}{n}", (1, 2), (0.0, float(n)), (3, 3)) for n in range(count))
    with style():
        figure = draw_values(Grouping("q-by-action", "Mean Q-value by kind of action", "leading word", lines))
        figure.draw_without_rendering()
    (legend,) = figure.legends
    extent, axes = legend.get_window_extent(), figure.axes[0].get_window_extent()
    assert figure.bbox.x0 <= extent.x0 < extent.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= extent.y0 < extent.y1 < axes.y0
    assert axes.height > 0.5 * figure.dpi * HEIGHT  # the figure grows, and not at the cost of the axes


def test_a_search_in_which_everything_failed(find, tmp_path):
    def fail(candidate):
        return Evaluation(Status.FAILED, None, "no key")

    data = find(run(tmp_path / "failed.sqlite", evaluate=fail, models=12))
    page = checked(render(data, {}))
    assert "No architecture has been evaluated to the end yet." in page.text
    assert "12 architectures failed." in page.text
    for job in figure_jobs(data):
        job.draw()


def test_networks_of_the_built_in_space_with_a_score_of_their_own(find, tmp_path):
    facts = {"input_shape": [8, 8, 1], "classes": 4, "data": "a1b2"}
    sections = {
        "name": "defects",
        "seed": 1,
        "space": {"name": "layers", "max_depth": 2},
        "strategy": {"name": "random"},
        "evaluator": {"name": "every_label_right"},
        "dataset": {"name": "surfaces"},
    }
    evaluator = {"package": "defects", "version": "1.0", "name": "defects:EveryLabelRight"}
    changes = {"experiment": sections, "data": facts, "plugins": {"evaluator": evaluator}}
    space = LayerSpace(SpaceConfig(max_depth=2), facts)

    def judge(candidate):
        return Evaluation(Status.OK, float(len(candidate.architecture)))

    data = find(run(tmp_path / "defects.sqlite", "random", space, judge, 12, changes))
    page = checked(render(data, {}))
    assert "images of 8x8x1 in 4 classes. The test split plays no part in it." in page.text
    assert "They are compared by their guessing entropy" in page.text
    assert "Best guessing entropy (lower is better)" in page.text
    assert "An image of 8x8x1; " in page.alternatives[0]
    assert "retrainings" not in page.ids
    assert "metaqnn train" not in page.text
    for job in figure_jobs(data):
        job.draw()


def test_a_comparison_names_the_unit_of_its_regrets():
    entries = {text: Entry(value, value) for text, value in {"0": 80.0, "1": 20.0, "2": 50.0}.items()}
    benchmark = Benchmark("a test", ChainSpace(ChainConfig("chain", (3,))), EvaluationTable(entries, "a test", ENTROPY))
    trace = run_trace(benchmark, StrategySpec("random", "random"), 0, 3)
    assert (trace.regrets[-1], trace.best_rewards[-1]) == (0.0, 20.0)
    assert set(trace.regrets) <= {60.0, 30.0, 0.0}
    assert regret_table([trace]).title == "Mean regret in units of guessing entropy, with its 95 % interval"


def test_the_whole_report_is_written(find, searched, tmp_path):
    page = checked(write_report(find(searched, 2), tmp_path).read_text(encoding="utf-8"))
    assert len(page.sources) == len(list(tmp_path.rglob("*.png"))) == 9


def test_the_general_half_does_not_know_what_a_layer_is():
    package = Path(page_module.__file__).parent
    looked_at = [*package.glob("*.py"), *package.glob("*.html")]
    assert len(looked_at) > 25
    for path in looked_at:
        found = re.findall(r"layer|parameters|flops|accuracy|keras", path.read_text(encoding="utf-8"), re.IGNORECASE)
        assert not found, f"{path.name}: {found}"
        assert "reports.networks" not in path.read_text(encoding="utf-8"), path.name
