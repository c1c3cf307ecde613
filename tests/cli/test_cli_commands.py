"""The commands as such: documented, quick to start, and with the promised exit codes."""

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress

import click
import pytest

from metaqnn.cli import cli
from metaqnn.cli.output import print_tables
from metaqnn.errors import counted
from metaqnn.replay.tables import Table

COMMANDS = [
    "search",
    "resume",
    "train",
    "evaluate",
    "ensemble",
    "export",
    "report",
    "describe",
    "datasets",
    "plugins",
    "observe",
    "replay",
    "replay summary",
    "replay top",
    "replay show",
    "replay episodes",
    "replay curves",
    "replay profile",
    "replay q-values",
    "replay expect",
    "replay verify",
    "replay check",
    "replay rescue",
    "replay copy",
    "replay retry",
    "replay import",
    "replay export",
    "compare",
    "enumerate",
    "experiments",
    "experiments show",
    "init",
    "config",
    "doctor",
    "completion",
]


def walk(command: click.Command, words: tuple[str, ...] = ()):
    """Every command below `command` with the words that call it."""
    for name, below in getattr(command, "commands", {}).items():
        yield (*words, name), below
        yield from walk(below, (*words, name))


def test_choices_are_refused_in_one_line(refused):
    assert refused("completion") == (
        "Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish (see metaqnn completion --help)"
    )


def test_these_are_the_commands():
    assert sorted(" ".join(words) for words, _ in walk(cli)) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_documented(metaqnn, command):
    words = command.split()
    found = next(below for path, below in walk(cli) if list(path) == words)
    assert found.help
    # A hidden one is none: it is refused with a sentence.
    options = [each for each in found.params if isinstance(each, click.Option) and not each.hidden]
    assert [option.name for option in options if not option.help] == []
    result = metaqnn(*words, "--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: metaqnn {command}")
    for option in options:
        assert option.opts[0] in result.out
    for argument in (parameter for parameter in found.params if isinstance(parameter, click.Argument)):
        assert argument.name.upper() in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert "\\b" not in result.out  # which keeps lines as they are, if it is the character


def test_the_help_of_the_whole_names_every_command(metaqnn):
    result = metaqnn("--help")
    assert result.code == 0
    for name in cli.commands:
        assert f"\n  {name} " in result.out
    assert metaqnn("-h").out == result.out


def test_the_version(metaqnn):
    from metaqnn.version import __version__

    result = metaqnn("--version")
    assert (result.code, result.out) == (0, f"metaqnn, version {__version__}\n")


def test_without_a_command_the_help_is_shown(metaqnn):
    result = metaqnn()
    assert "Usage: metaqnn [OPTIONS] COMMAND" in result.out + result.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["serch"], "No such command 'serch'"),
        (["search"], "Missing argument 'EXPERIMENT'. (see metaqnn search --help)"),
        (["search", "digits", "--modles", "3"], "No such option"),
        (["search", "digits", "--models", "many"], "Invalid value for '--models': 'many' is not a valid integer"),
        (["search", "digits", "--models", "9" * 30], "Invalid value for '--models': 9999"),
        (["search", "digits", "--models", "9" * 5000], "Invalid value for '--models': "),
        (["search", "digits", "--workers", "0"], "Invalid value for '--workers': 0 is not in the range x>=1"),
        (["search", "digits", "--max-time", "8x"], "expected a time such as 8h, 90m or 45s, got '8x'"),
        (["search", "digits", "--max-time", "0h"], "expected a time such as 8h, 90m or 45s, got '0h'"),
        (["search", "digits", "--max-time", "-3h"], "expected a time such as 8h, 90m or 45s, got '-3h'"),
        (["search", "digits", "--max-time", "1e3h"], "expected a time such as 8h, 90m or 45s, got '1e3h'"),
        (["search", "digits", "--max-time", ""], "expected a time such as 8h, 90m or 45s, got ''"),
        (["search", "digits", "--gpus", "a,b"], "expected numbers such as 0,1, got 'a,b'"),
        (["search", "digits", "--gpus", "0,"], "expected numbers such as 0,1, got '0,'"),
        (["resume", "digits", "--fresh"], "No such option"),
        (["replay", "summary"], "Missing argument 'DATABASE'. (see metaqnn replay summary --help)"),
        (["replay", "top", "x.sqlite", "-n", "0"], "Invalid value for '-n': 0 is not in the range x>=1"),
        (["replay", "show", "x.sqlite", "two"], "Invalid value for 'MODEL': 'two' is not a valid integer"),
        (["replay", "episodes", "x.sqlite", "--format", "yaml"], "'yaml' is not one of 'table', 'json', 'csv'"),
        (["describe", "[SM(10)]", "--input", "32x32"], "expected HEIGHTxWIDTHxCHANNELS such as 32x32x3, got '32x32'"),
        (["describe", "[SM(10)]", "--input", "0x32x3"], "expected HEIGHTxWIDTHxCHANNELS such as 32x32x3, got '0x32x3'"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(refused, words, sentence):
    assert sentence in refused(*words)


def test_the_package_runs_as_a_module_in_a_process_of_its_own():
    result = subprocess.run([sys.executable, "-m", "metaqnn", "serch"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("metaqnn: No such command 'serch'")
    assert result.stderr.count("\n") == 1


def test_a_reader_that_leaves_early_causes_no_traceback(finished):
    command = [sys.executable, "-m", "metaqnn", "replay", "curves", finished]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_help_loads_no_library_but_that_of_commands():
    # What its time would be spent on; how long it takes is measured by hand, as a busy machine delays anything.
    command = [sys.executable, "-X", "importtime", "-m", "metaqnn", "--help"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in lines}
    assert "click" in loaded
    heavy = {
        "numpy",
        "pandas",
        "scipy",
        "sklearn",
        "yaml",
        "rich",
        "jinja2",
        "matplotlib",
        "h5py",
        "keras",
        "tensorflow",
    }
    assert not loaded & heavy


@pytest.mark.parametrize(
    "words",
    [
        ["describe", "[SM(10)]"],
        ["datasets"],
        ["replay", "summary", "small.sqlite"],
        ["replay", "verify", "small.sqlite"],
    ],
    ids=" ".join,
)
def test_looking_imports_no_tensorflow(finished, words):
    program = (
        "import sys; from metaqnn.cli import run; sys.argv = ['metaqnn', *sys.argv[1:]]; run();"
        "heavy = {'tensorflow', 'keras', 'torch', 'jax', 'sklearn', 'matplotlib'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_help_lists_commands_by_task_in_whole_sentences(metaqnn):
    for words in ((), ("replay",)):
        shown = metaqnn(*words, "--help").out
        assert not [line for line in shown.splitlines()[1:] if line.endswith("...")]
        assert "\nCommands:" not in shown, "a command that is in no task"
    assert "\n\nSearch:\n" in metaqnn("--help").out


@pytest.mark.parametrize("command", ["experiments", "plugins", "datasets"])
def test_json_is_the_format_json(metaqnn, command):
    content = json.loads(metaqnn(command, "--json").out)
    assert content == json.loads(metaqnn(command, "--format", "json").out)
    assert content[0]["name"]


@pytest.mark.parametrize("words", [("--json", "--format", "csv"), ("--format", "csv", "--json")])
def test_two_formats_at_once_are_refused(refused, words):
    assert refused("plugins", *words).startswith("expected --json or --format, got both")


def test_json_has_no_number_that_is_none(capsys):
    print_tables([Table("t", ("a", "b"), ((float("nan"), 1),))], "json")
    assert json.loads(capsys.readouterr().out) == [{"a": None, "b": 1}]


@pytest.mark.parametrize(("number", "words"), [(0, "0 repeats"), (1, "1 repeat"), (2000, "2,000 repeats")])
def test_a_count_has_the_form_of_its_noun(number, words):
    assert counted(number, "repeat") == words


def test_no_color_where_none_is_wanted(tmp_path):
    def shown(**environment):
        command = [sys.executable, "-m", "metaqnn", "plugins"]
        leader, follower = pty.openpty()
        ran = subprocess.Popen(command, stdout=follower, env={**os.environ, "COLUMNS": "80", **environment})
        os.close(follower)
        said = b""
        with suppress(OSError):  # the end of a terminal
            while part := os.read(leader, 4096):
                said += part
        os.close(leader)
        assert ran.wait() == 0
        return said

    assert b"\x1b[" in shown(NO_COLOR="")
    assert b"\x1b[" not in shown(NO_COLOR="1")
