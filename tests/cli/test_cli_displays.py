"""What people see while a search runs: plain lines, and the live panel."""

import os
import pty
import re
import subprocess
import sys
import termios
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest
from contracts.records import epoch as epoch_of
from rich.console import Console

from metaqnn.core import (
    CandidateFinished,
    CandidateStarted,
    Episode,
    EpisodeOrigin,
    EpochFinished,
    Evaluation,
    Model,
    Notice,
    Prediction,
    Proposal,
    Score,
    SearchStatus,
    Status,
    WorkerLost,
    WorkerReady,
)
from metaqnn.networks.targets.classes import accuracy
from metaqnn.workflows.display import make_display
from metaqnn.workflows.display import plain as plain_module
from metaqnn.workflows.display.live import LiveDisplay
from metaqnn.workflows.display.plain import PlainDisplay
from metaqnn.workflows.display.words import duration, models_per_hour, seconds_left, shorten

COSTS = {"parameters": 1, "flops": 1, "layers": 9}
LONG = "[C(64,3,1), C(64,3,1), P(2,2), C(128,3,1), C(128,3,1), P(2,2), C(256,3,1), GAP(10), SM(10)]"


def test_a_display_is_shown_where_it_is_asked_for(capsys):
    stream = StringIO()
    display = make_display(stream)
    assert isinstance(display, PlainDisplay), "no terminal"
    display.on_start(status())
    assert stream.getvalue().startswith("The search resumes: 7 of 40 models done")
    assert capsys.readouterr().out == ""


def status(**changes):
    facts = {
        "models_done": 7,
        "models_total": 40,
        "episodes": 9,
        "reused": 2,
        "failed": 1,
        "epsilon": 0.5,
        "best_score": 0.9712,
        "best_architecture": LONG,
        "elapsed_seconds": 3725.0,
        "seconds_per_model": 30.0,
        "score": accuracy(10),
    }
    return SearchStatus(**(facts | changes))


def episode(**changes):
    facts = {
        "number": 10,
        "iteration": 8,
        "recorded": {"epsilon": 0.5},
        "model": 8,
        "architecture": LONG,
        "evaluation": 8,
        "score": 0.953,
        "reward": 0.953,
        "reused": False,
    }
    return Episode(**(facts | changes))


def metrics(epoch, validation_accuracy):
    return epoch_of(epoch, 0.001, 1.0, 0.5, 1.0, validation_accuracy, 61.0)


# Words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (184, "3:04"), (7384, "2:03:04"), (360000, "100:00:00")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_rates_and_accuracies():
    assert models_per_hour(status()) == "120"
    assert models_per_hour(status(seconds_per_model=0.5)) == "7,200"
    assert models_per_hour(status(seconds_per_model=None)) == "-"
    assert seconds_left(status()) == 33 * 30.0
    assert seconds_left(status(models_done=41)) == 0
    assert seconds_left(status(seconds_per_model=None)) is None
    assert accuracy(10).words(0.97125) == "97.12 %"
    assert accuracy(10).words(None) == "-"


def test_a_long_network_loses_its_middle():
    assert shorten("[SM(10)]", 20) == "[SM(10)]"
    assert shorten(LONG, 68) == "[C(64,3,1), C(64,3,1), P(2,2), C(128,3,1), ...3,1), GAP(10), SM(10)]"
    assert len(shorten(LONG, 68)) == 68
    assert shorten(LONG, len(LONG)) == LONG


# Plain lines


def started(capsys) -> PlainDisplay:
    """The display of a search that has begun, which has told what is measured."""
    display = PlainDisplay()
    display.on_start(status())
    capsys.readouterr()
    return display


def test_the_plain_lines_of_a_search(capsys):
    display = PlainDisplay()
    display.on_start(status(models_done=0, episodes=0, best_score=None))
    display.on_event(WorkerReady(1, 4711, "a device", {"keras_backend": "jax"}))
    display.on_event(WorkerReady(2, 4712, "a device", {"keras_backend": "jax"}))
    display.on_proposal(Proposal(10, 8, {"epsilon": 0.5}, Model(8, LONG, COSTS), 8))
    display.on_event(CandidateStarted(10))
    display.on_event(EpochFinished(10, 1, metrics(1, 0.953)))
    display.on_event(CandidateFinished(10, Evaluation(Status.OK)))
    display.on_episode(episode(), status())
    display.on_episode(episode(number=11, reused=True), status(episodes=10, reused=3))
    display.on_event(WorkerLost(1, 12, "the worker process was ended by SIGKILL"))
    display.on_event(CandidateFinished(12, Evaluation(Status.CRASHED, reason="the worker process exited with code 1")))
    display.on_episode(episode(number=12, score=None, recorded={}, origin=EpisodeOrigin.RETRIED), status(models_done=8))
    display.on_end(status())
    assert capsys.readouterr().out == (
        "The search starts: 0 of 40 models done, best -.\n"
        "Training on a device (jax).\n"
        "[   7/40] eps 0.50    95.30 %  best 97.12 %  reused 2  120/h  left 16:30\n"
        "           [C(64,3,1), C(64,3,1), P(2,2), C(128,3,1), ...3,1), GAP(10), SM(10)]\n"
        "  the worker process was ended by SIGKILL; it is replaced\n"
        "  episode 12 failed (crashed): the worker process exited with code 1\n"
        "[   8/40] retry          -  best 97.12 %  reused 2  120/h  left 16:00\n"
        "           [C(64,3,1), C(64,3,1), P(2,2), C(128,3,1), ...3,1), GAP(10), SM(10)]\n"
    )


def test_a_resumed_search_says_so(capsys):
    PlainDisplay().on_start(status())
    assert capsys.readouterr().out == "The search resumes: 7 of 40 models done, best 97.12 %.\n"


def test_a_training_stopped_early_has_a_line_that_calls_it_no_failure(capsys):
    reason = "stopped after epoch 4: 85.00 % expected (84.00 to 86.00 within a standard deviation), 97.12 % to reach"
    said = Prediction(4, 0.85, 0.84, 0.86)
    display = started(capsys)
    display.on_event(CandidateFinished(10, Evaluation(Status.EARLY_STOPPED, 0.85, reason, prediction=said)))
    assert capsys.readouterr().out == "  episode 10 stopped after epoch 4: 85.00 % expected\n"
    display.on_event(CandidateFinished(11, Evaluation(Status.OK, prediction=said)))
    assert capsys.readouterr().out == ""
    display.on_episode(episode(number=10, score=0.85, is_predicted=True), status())
    assert "eps 0.50   ~85.00 %  best 97.12 %" in capsys.readouterr().out


def test_a_long_training_shows_its_epochs(capsys, monkeypatch):
    monkeypatch.setattr(plain_module, "_QUIET_SECONDS", -1.0)  # as if the last line were long ago
    started(capsys).on_event(EpochFinished(10, 2, metrics(3, 0.5)))
    assert capsys.readouterr().out == "  episode 10, attempt 2, epoch 3: 50.00 % after 1:01\n"


def test_every_plain_line_fits_a_screen(capsys):
    display = PlainDisplay()
    display.on_start(status(models_done=2699, models_total=2700))
    display.on_episode(episode(), status(models_done=2699, models_total=2700, reused=12345, seconds_per_model=1800.0))
    display.on_episode(episode(), status(models_done=1, models_total=2700, reused=9, seconds_per_model=18000.0))
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


# The live panel


@pytest.fixture
def screen():
    return Console(file=StringIO(), force_terminal=True, width=80, height=25, color_system=None)


def drawn(display, screen):
    """The lines of the panel as it is now."""
    with screen.capture() as capture:
        screen.print(display._render())
    return capture.get().splitlines()


def test_the_panel_shows_what_people_ask_for(screen):
    display = LiveDisplay(screen)
    display.on_start(status())
    try:
        display.on_proposal(Proposal(10, 8, {"epsilon": 0.5}, Model(8, LONG, COSTS), 8))
        display.on_event(CandidateStarted(10))
        lines = drawn(display, screen)
        text = "\n".join(lines)
        assert {len(line) for line in lines} == {80}
        for words in (
            *("7 of 40 models", "left 16:", "epsilon 0.50", "best 97.12 %", "reused 2", "failed 1", "120 models/h"),
            *("1:02:0", "[C(64,3,1), C(64,3,1), P(2,2),", "GAP(10), SM(10)]", "building"),
        ):
            assert words in text
        display.on_event(EpochFinished(10, 1, metrics(4, 0.953)))
        assert "epoch 4: 95.30 %" in "\n".join(drawn(display, screen))
        display.on_event(EpochFinished(10, 2, metrics(1, 0.125)))
        assert "attempt 2, epoch 1: 12.50 %" in "\n".join(drawn(display, screen))
        display.on_event(CandidateFinished(10, Evaluation(Status.CRASHED)))
        assert "waiting for a worker" in "\n".join(drawn(display, screen))
        display.on_episode(episode(), status(models_done=8, best_score=0.98, epsilon=0.4, seconds_per_model=None))
        text = "\n".join(drawn(display, screen))
        for words in ("8 of 40 models", "best 98.00 %", "epsilon 0.40", "- models/h", "left -"):
            assert words in text
    finally:
        display.on_end(status(models_done=40))
    assert "40 of 40 models" in "\n".join(drawn(display, screen))


def test_the_panel_before_and_after_everything(screen):
    display = LiveDisplay(screen)
    assert "".join(drawn(display, screen)).strip() == ""
    display.on_start(status(models_done=0, episodes=0, best_score=None, epsilon=None, seconds_per_model=None))
    display.on_end(status(epsilon=None))
    display.on_end(status(epsilon=None))
    assert "epsilon -" in "\n".join(drawn(display, screen))
    assert "\x1b[?25h" in screen.file.getvalue()  # the cursor is shown again


def test_the_panel_has_a_line_for_each_machine_of_a_cluster():
    screen = Console(file=StringIO(), force_terminal=True, width=80, height=25, color_system=None)
    display = LiveDisplay(screen)
    display.on_start(status())
    try:
        for worker, node in ((1, "a"), (2, "b"), (3, "b")):
            display.on_event(WorkerReady(worker, 4711, "NVIDIA H100", node=node))
        display.on_event(CandidateStarted(10, "b"))
        text = "\n".join(drawn(display, screen))
        assert "0 of 1 worker busy on a (NVIDIA H100)" in text
        assert "1 of 2 workers busy on b (NVIDIA H100)" in text
        display.on_event(WorkerLost(2, 10, "the machine b was lost", "b"))
        display.on_event(Notice("c is not used."))
        display.on_event(CandidateFinished(11, Evaluation(Status.OK, 0.5)))
        text = "\n".join(drawn(display, screen))
        assert "0 of 1 worker busy on b (NVIDIA H100)" in text
    finally:
        display.on_end(status(models_done=40))
    assert "c is not used." in screen.file.getvalue()


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_the_panel_keeps_to_the_width_of_the_screen(width):
    screen = Console(file=StringIO(), force_terminal=True, width=width, height=25, color_system=None)
    display = LiveDisplay(screen)
    huge = status(models_done=123456, models_total=1000000, reused=123456, failed=12345, elapsed_seconds=9e6)
    display.on_start(huge)
    try:
        for number in range(9):
            display.on_proposal(Proposal(number, 8, {"epsilon": 0.5}, Model(8, LONG * 3, COSTS), 8))
            display.on_event(CandidateStarted(number))
        lines = drawn(display, screen)
    finally:
        display.on_end(huge)
    assert max(map(len, lines)) <= min(width, 100)
    assert len(lines) <= 25
    for fact in ("epsilon 0.50", "best 97.12 %", "reused 123456", "failed 12345", "120 models/h"):
        assert any(fact in line for line in lines)


def test_a_reason_that_looks_like_markup_is_printed_as_it_is(screen):
    display = LiveDisplay(screen)
    display.on_start(status())
    try:
        display.on_event(WorkerLost(1, 7, "the worker process exited with code 1 (OSError: [/] [errno 5] :smile:)"))
    finally:
        display.on_end(status())
    text = screen.file.getvalue()
    assert "the worker process exited with code 1 (OSError: [/] [errno 5] :smile:); it is" in text.replace("\n", " ")


def test_a_terminal_gets_the_panel_and_a_pipe_plain_lines(monkeypatch, capsys):
    assert isinstance(make_display(), PlainDisplay)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert isinstance(make_display(), LiveDisplay)
    assert capsys.readouterr().out == ""


def on_a_terminal(small_yaml, function):
    """Search six networks, judged by the source text `function`, on a terminal of 80 columns.

    Returns:
        the exit code, and everything that the terminal got.
    """
    program = (
        "import sys, time; sys.path.insert(0, sys.argv.pop(1))\n"
        "from metaqnn.cli import run; from small_searches import judge, judged\n"
        f"with judged({function}): run()"
    )
    tests = str(Path(__file__).parents[1])
    helpers = str(Path(tests) / "replay")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (24, 80))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-c", program, helpers, "search", str(small_yaml), "--models", "6"]
    with subprocess.Popen(
        command, stdout=theirs, stderr=theirs, env=environment | {"TERM": "xterm", "PYTHONPATH": tests}
    ) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # a terminal whose other end is gone says so
            while part := os.read(ours, 65536):
                shown += part
    os.close(ours)
    return process.returncode, shown.decode()


def test_a_search_on_a_terminal_shows_the_panel_and_then_its_table(small_yaml):
    code, text = on_a_terminal(small_yaml, "lambda candidate: time.sleep(0.06) or judge(candidate)")
    assert code == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    for words in ("of 6 models", "waiting for a worker", "models/h", "The search is complete: 6 networks in"):
        assert words in plain
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is hidden once and shown again


def test_an_error_takes_the_panel_away_too(small_yaml):
    code, text = on_a_terminal(small_yaml, "lambda candidate: __import__('metaqnn').parse('typo')")
    assert code == 2
    assert "metaqnn: expected a layer" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def test_a_score_that_is_no_accuracy_says_its_name_and_direction():
    score = Score("loss", "minimize", failure=9.0)
    stream = StringIO()
    PlainDisplay(stream).on_start(status(score=score, best_score=0.25))
    assert "best loss 0.25, lower is better." in stream.getvalue()
    console = Console(file=StringIO(), width=100, force_terminal=True)
    display = LiveDisplay(console)
    display.on_start(status(score=score, best_score=0.25))
    display.on_end(status(score=score, best_score=0.25))
    assert "loss 0.25, lower is better" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
