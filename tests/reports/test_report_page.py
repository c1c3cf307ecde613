"""The page: whole, with nothing that a network would be needed for, on every kind of database; and its figures."""

import base64
import shutil
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from small_searches import Judge, judge, run_small

from metaqnn.core import CurvePoint, Evaluation, Retraining, Status, TestLook, TrainingSplit
from metaqnn.errors import MetaqnnError
from metaqnn.replay.memory import SQLiteReplayMemory
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.retrainings import RetrainingMemory
from metaqnn.reports.page import render, write_report
from metaqnn.reports.pictures import figure_jobs
from metaqnn.workflows import load_experiment, read_experiment, stored_experiment
from metaqnn.workflows.enumerate import run_enumeration
from metaqnn.workflows.import_released import import_released

GOLDEN = Path(__file__).parents[1] / "golden"

VOID = {"meta", "link", "img", "br", "rect", "path"}


class Page(HTMLParser):
    """A page as far as these tests look at it.

    Attributes:
        ids: of its elements.
        links: targets of its links.
        sources: of its images.
        alternatives: texts of its images and drawings.
        text: what is shown.
    """

    def __init__(self, html: str):
        super().__init__()
        self.ids, self.links, self.sources, self.alternatives, self.words, self._open = [], [], [], [], [], []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        assert len(found) == len(attrs), f"{tag} has an attribute twice"
        assert tag != "script"
        if tag not in VOID:
            self._open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found["href"])
        if tag == "img":
            self.sources.append(found["src"])
            self.alternatives.append(found["alt"])
        if found.get("role") == "img":
            self.alternatives.append(found["aria-label"])
        for name, value in found.items():
            assert "http" not in value or name == "title", f"{tag} refers to {value}"

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID, tag

    def handle_endtag(self, tag):
        assert self._open, f"{tag} was never opened"
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" not in self._open:
            self.words.append(data)


def checked(html: str) -> Page:
    """Parse a page and see that it is whole."""
    page = Page(html)
    assert len(set(page.ids)) == len(page.ids)
    assert page.links
    assert {link.removeprefix("#") for link in page.links if not link.startswith("figures/")} <= set(page.ids)
    assert all(alternative.strip() for alternative in page.alternatives)
    assert all(source.startswith(("data:image/svg+xml;base64,", "data:image/png;base64,")) for source in page.sources)
    assert "http://" not in html
    assert "https://" not in html
    return page


@pytest.fixture(scope="module")
def written(find, finished_once, tmp_path_factory):
    """The folder of the report of the small search."""
    folder = tmp_path_factory.mktemp("report")
    seen = []
    page = write_report(find(finished_once, 2), folder, lambda *state: seen.append(state))
    assert page == folder / "report.html"
    assert seen[0] == (0, len(seen) - 1, "trace")
    assert seen[-1] == (len(seen) - 1, len(seen) - 1)
    return folder


def test_the_page_is_whole(written):
    page = checked((written / "report.html").read_text(encoding="utf-8"))
    for section in ("search", "trace", "best", "cost", "failures", "time", "baseline", "retrainings", "imported"):
        assert section in page.ids
        assert f"#{section}" in page.links
    assert "small: report of a search" in page.text
    assert "12 of 12 networks are done" in page.text
    assert "Complete, on 20" in page.text
    assert "this one crashed" in page.text
    assert "There is no baseline: networks sampled at epsilon 1 are random, and of those there are 6 here" in page.text
    assert "No network was retrained yet: metaqnn train" in page.text
    assert "Nothing was imported." in page.text


def test_the_experiment_on_the_page_is_the_one_that_was_run(written, finished_once):
    page = Page((written / "report.html").read_text(encoding="utf-8"))
    text = "".join(page.words).split("The experiment, as it is recorded")[1].strip().partition("\n\n")[0]
    with ReplayReader(finished_once) as reader:
        assert read_experiment(yaml.safe_load(text), "the page") == stored_experiment(reader)


def test_every_figure_is_written_and_shows_something(written):
    page = checked((written / "report.html").read_text(encoding="utf-8"))
    names = {path.stem for path in (written / "figures").iterdir()}
    assert {link for link in page.links if not link.startswith("#")} == {f"figures/{name}.csv" for name in names}
    assert names == {
        *("trace", "accuracy-by-epsilon", "q-by-kind", "q-by-receptive-field", "top-01-curve", "top-02-curve"),
        *("accuracy-parameters", "accuracy-flops", "times"),
    }
    assert sum(source.startswith("data:image/svg") for source in page.sources) == len(names)
    assert not list(written.rglob(".metaqnn-part-*"))
    for name in names:
        pixels = np.asarray(Image.open(written / "figures" / f"{name}.png").convert("L"))
        assert min(pixels.shape) > 300
        assert len(np.unique(pixels)) > 20
        svg = (written / "figures" / f"{name}.svg").read_bytes()
        assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
        assert f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}" in page.sources


def test_figures_are_the_same_each_time(find, finished_once, written, tmp_path):
    from metaqnn.reports.drawing import style, write_picture

    job = figure_jobs(find(finished_once, 2))[0]
    with style():
        write_picture(tmp_path, job.name, job.draw(), job.alternative, job.table().as_csv())
    for ending in ("png", "svg", "csv"):
        again = (tmp_path / f"{job.name}.{ending}").read_bytes()
        assert again == (written / "figures" / f"{job.name}.{ending}").read_bytes()


def test_the_numbers_of_a_figure_lie_beside_it(find, finished_once, written):
    data = find(finished_once, 2)
    trace = pd.read_csv(written / "figures" / "trace.csv")
    assert tuple(trace["iteration"]) == data.trace.iterations
    assert tuple(trace["accuracy"]) == data.trace.scores
    assert trace["best_so_far"].max() == data.ranking[0].score
    rolling = trace.set_index("iteration")[f"mean_of_the_last_{data.trace.window}"].dropna()
    assert tuple(rolling.items()) == data.trace.rolling
    costs = pd.read_csv(written / "figures" / "accuracy-parameters.csv")
    assert list(costs["architecture"]) == [ranked.architecture for ranked in data.ranking]
    assert costs["on_the_pareto_front"].sum() == len(data.trade_offs[0].front)


def test_a_file_of_the_users_among_the_figures_is_refused(find, finished_once, tmp_path):
    data = find(finished_once, 1)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "trace.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(MetaqnnError, match=r"trace\.csv: expected an earlier report's file, or none"):
        write_report(data, tmp_path)
    (tmp_path / "figures" / "trace.csv").unlink()
    write_report(data, tmp_path)
    write_report(data, tmp_path)  # over its own


def page_of(data) -> Page:
    """The page without its figures."""
    return checked(render(data, {}))


def test_an_empty_search(find, finished_once, tmp_path):
    with ReplayReader(finished_once) as reader:
        config = reader.config()
    with SQLiteReplayMemory(tmp_path / "empty.sqlite") as memory:
        memory.initialise(config)
    data = find(tmp_path / "empty.sqlite")
    assert figure_jobs(data) == []
    page = page_of(data)
    assert "No run has begun." in page.text
    assert f"metaqnn resume {tmp_path / 'empty.sqlite'}" in page.text
    assert "No network has been scored yet." in page.text
    assert "Nothing failed, for nothing was trained yet." in page.text


def test_a_search_that_is_running(find, finished_once, tmp_path):
    path = shutil.copy(finished_once, tmp_path / "running.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE runs SET ended_at = NULL, outcome = NULL")
        connection.execute(
            """INSERT INTO proposals
               SELECT max(episode) + 1, 13, '{"epsilon": 0.1}', 1, NULL, 'sampled', max(recorded_at) FROM replay"""
        )
    page = page_of(find(path))
    assert "Not ended. Its last run began on" in page.text
    assert "is running still, or was killed; 1 episode is in flight." in page.text


def test_an_import(find, tmp_path):
    path = tmp_path / "imported.sqlite"
    import_released(GOLDEN / "replay_database.csv", path, load_experiment("svhn"))
    data = find(path)
    page = page_of(data)
    assert "images of 32x32x3 in 10 classes. The test split plays no part in it." in page.text
    assert "4 networks and 6 episodes are recorded; all of them were imported." in page.text
    assert "Imported. No search has begun on this database." in page.text
    assert f"metaqnn replay verify {path}" in page.text
    assert "after epoch" not in page.text
    assert "Nothing was trained here." in page.text
    assert "6 episodes are imported." in page.text
    assert not [job.name for job in figure_jobs(data) if job.name.startswith("top-")]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_schema(find, version):
    data = find(GOLDEN / f"schema_v{version}.sqlite")
    assert len(figure_jobs(data)) > 5
    assert "12 of 12 networks are done, in 40 episodes" in page_of(data).text


@pytest.mark.parametrize("strategy", ["random", "regularized_evolution", "reinforce", "controller", "linear_ucb"])
def test_every_strategy(find, tmp_path, strategy):
    path = tmp_path / "small.sqlite"
    run_small(path, f"strategy={{name: {strategy}}}", models=25)
    page = page_of(find(path))
    if strategy == "linear_ucb":
        assert "Of this strategy a Q-value is the best return seen from its pair." in page.text
    else:
        assert f"This database holds no Q-values: the strategy {strategy} keeps none" in page.text
    if strategy == "random":
        assert "The search is its own baseline." in page.text
    if strategy in ("reinforce", "controller"):
        assert "this strategy samples none" in page.text


def test_what_a_shaped_q_value_means_is_said(find, tmp_path):
    path, told = tmp_path / "small.sqlite", "a Q-value is what its step and those after it are to earn"
    run_small(path, "strategy={name: q_learning, preset: block_qnn}", models=6)
    assert told in page_of(find(path)).text
    assert told not in page_of(find(GOLDEN / "digits_seed0.sqlite")).text


def test_what_the_database_holds_is_text_and_never_markup(find, tmp_path):
    def fail(candidate):
        return Evaluation(Status.CRASHED, None, "<script>alert(1)</script> & more", device="<b>here</b>")

    run_small(tmp_path / "small.sqlite", function=fail)
    html = render(find(tmp_path / "small.sqlite"), {})
    assert "<script" not in html
    assert "<b>here</b>" not in html
    page = checked(html)
    assert "<script>alert(1)</script> & more" in page.text
    assert "<b>here</b> (12 trainings)" in page.text
    assert "No network has been trained to the end yet." in page.text


def test_a_table_has_what_makes_sense_of_one(find, tmp_path, monkeypatch):
    monkeypatch.setattr("metaqnn.workflows.enumerate.make_executor", lambda *_, **__: Judge(judge))
    experiment = load_experiment("digits_table", ["space.max_depth=1", "space.convolution.filters=[4]"])
    run_enumeration(experiment, tmp_path / "table.sqlite", 2, None, (), False, lambda _: None, lambda _: None)
    data = find(tmp_path / "table.sqlite")
    names = [job.name for job in figure_jobs(data)]
    assert names == ["top-01-curve", "top-02-curve", "top-03-curve", "accuracy-parameters", "accuracy-flops", "times"]
    page = page_of(data)
    assert "digits_table: every network of a space" in page.text
    assert "mean of 2 trainings" in page.text
    assert {"trace", "baseline", "retrainings", "imported"} & set(page.ids) == set()


@pytest.fixture(scope="module")
def with_finals(finished_once, tmp_path_factory):
    """The small search with final trainings of two networks, and looks at the test split."""
    path = Path(shutil.copy(finished_once, tmp_path_factory.mktemp("finals") / "small.sqlite"))
    with ReplayReader(path) as reader:
        config = reader.config()
        first, second = reader.query("SELECT model, architecture FROM leaderboard LIMIT 2")[1]
    recipe, dataset, data = {"name": "one_cycle"}, config["experiment"]["dataset"], config["data"]

    def final(number, network, seed, part=TrainingSplit.TRAIN):
        return Retraining(number, *network, seed, recipe, dataset, data, part, None, 1000)

    with RetrainingMemory(path) as memory:
        memory.add([final(1, first, 0), final(2, first, 1), final(3, second, 0, TrainingSplit.TRAIN_AND_VALIDATION)])
        memory.add([final(4, second, 1, TrainingSplit.TRAIN_AND_VALIDATION)])
        for number in (1, 2, 3, 4):
            memory.begin(number, [], "a device")
            for epoch in (1, 2):
                figures = {"learning_rate": 0.1, "train_loss": 0.5, "train_accuracy": 0.45 * epoch}
                memory.record_epoch(number, CurvePoint(epoch, 0.4 * epoch if number < 3 else None, 1.0, figures))
        memory.record_end(1, "ok", "", 0.98, "final-1.weights.h5")
        memory.record_end(2, "ok", "", 0.96, "final-2.weights.h5")
        memory.record_end(3, "diverged", "the loss is <not> finite", None, None)
        memory.record_look(TestLook(0, "network", (1,), "digits", 450, 0.9, 0.98, "metaqnn evaluate --first"))
        memory.record_look(TestLook(0, "network", (1,), "digits", 450, 0.97, 0.98, "metaqnn evaluate --again"))
        memory.record_look(TestLook(0, "network", (2,), "digits", 450, 0.95, 0.96, "metaqnn evaluate"))
        memory.record_look(
            TestLook(0, "greedy", (1, 1, 2), "digits", 450, 445 / 450, 0.99, "metaqnn ensemble --greedy")
        )
    return path


def test_final_networks_by_recipe_with_the_spread_over_seeds(find, with_finals):
    first, second = find(with_finals).own.groups
    assert [member.retraining.seed for member in first.members] == [0, 1]
    assert (first.recipe, first.dataset, first.part) == ("one_cycle", "digits", "train")
    assert first.validation.mean == pytest.approx(0.03)
    assert first.validation.deviation == pytest.approx(0.02 / 2**0.5)
    assert (first.test.low, first.test.high) == (pytest.approx(0.03), pytest.approx(0.05))  # of the last look
    assert [member.looks for member in first.members] == [2, 1]
    assert (second.validation, second.test, second.unfinished) == (None, None, 1)
    assert [retraining.number for retraining in second.failed] == [3]


def test_final_networks_on_the_page(find, with_finals, tmp_path):
    from metaqnn.reports.drawing import style, write_picture

    data = find(with_finals)
    page = page_of(data)
    assert "3.00 % 2.00 % to 4.00 %, sd 1.41 %" in page.text
    assert "the loss is <not> finite" in page.text
    assert "greedy 1, 1, 2 digits 1.00 % 1.11 % 0.48 % to 2.57 % 450" in page.text
    assert "4 looks at the test split, with the commands" in page.text
    assert "metaqnn evaluate --again" in page.text
    assert "Test error, last look 1.11 % 4 looks at the test split" in page.text
    jobs = {job.name: job for job in figure_jobs(data)}
    with style():
        for name in ("errors", "retraining-curves"):
            write_picture(tmp_path, name, jobs[name].draw(), "", jobs[name].table().as_csv())
            assert len(np.unique(np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")))) > 20


def test_predictions_and_the_baseline_are_drawn(find, tmp_path):
    from metaqnn.core import Score
    from metaqnn.reports.drawing import Axis, style
    from metaqnn.reports.figures import draw_predictions
    from metaqnn.reports.trace_figures import draw_baseline

    run_small(tmp_path / "small.sqlite", "strategy={name: regularized_evolution, population: 15}", models=25)
    data = find(tmp_path / "small.sqlite")
    assert "95 % prediction interval" in page_of(data).text
    axis = Axis(Score("accuracy", low=0.0, high=1.0, is_share=True), "accuracy")
    with style():
        for figure in (
            draw_baseline(data.baseline, axis, data.domain),
            draw_predictions([(0.5, 0.6), (0.7, 0.65)], axis),
        ):
            content = BytesIO()
            figure.savefig(content, format="png")
            assert len(content.getvalue()) > 5_000


def test_the_data_stand_in_the_page_with_three_images(find, finished_once):
    page = Page(render(find(finished_once), {}))
    assert "1,047 train, 300 validation images of 8x8x1 in 10 classes, values 0 to 255" in page.text
    drawn = dict(zip(page.alternatives, page.sources, strict=False))
    for name in "012":
        address = drawn[f"A training image of the class {name}"]
        with Image.open(BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))) as image:
            assert (image.size, image.mode) == ((8, 8), "L")


def test_a_database_that_is_older_than_descriptions_has_no_images(find):
    assert "A training image" not in render(find(GOLDEN / "schema_v5.sqlite"), {})
