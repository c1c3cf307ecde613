"""The command line: parses, calls and prints. Nothing imports it."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from signal import SIGINT

import click

from metaqnn.cli.comparing import compare
from metaqnn.cli.completing import completion
from metaqnn.cli.diagnosing import doctor
from metaqnn.cli.enumerating import enumerate_
from metaqnn.cli.exchange import export as export_replay
from metaqnn.cli.exchange import import_
from metaqnn.cli.experimenting import config, experiments, init
from metaqnn.cli.exporting import export
from metaqnn.cli.finishing import ensemble, evaluate, train
from metaqnn.cli.grouping import CommandsByTask
from metaqnn.cli.looking import datasets, describe, plugins
from metaqnn.cli.observing import observe
from metaqnn.cli.repairing import check, rescue
from metaqnn.cli.replay import replay
from metaqnn.cli.reporting import report
from metaqnn.cli.searching import resume, search
from metaqnn.errors import NO_MEMORY, MetaqnnError, advice, brief
from metaqnn.machine import machine_fault
from metaqnn.verbosity import Verbosity, verbosity
from metaqnn.version import __version__

_HELP = """Design convolutional networks with Q-learning (MetaQNN, Baker et al. 2017).

Start a search, look into it while it runs, interrupt it, and resume it with the same command:

\b
    metaqnn search digits
    metaqnn replay summary replay_db/digits.sqlite

Then take the best networks away:

\b
    metaqnn train replay_db/digits.sqlite --top 5
    metaqnn evaluate replay_db/digits.sqlite
    metaqnn export replay_db/digits.sqlite --to digits.keras
"""


_HELP_ASKED = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""A group without a command shows its help; click before 8.2 does so without an error."""


class _Commands(CommandsByTask):
    """All commands by what people want to do."""

    tasks = {  # noqa: RUF012 - declared in the class above
        "Search": ("experiments", "init", "search", "resume", "enumerate", "compare"),
        "Look": ("replay", "report", "observe", "config", "describe"),
        "Take the best away": ("train", "evaluate", "ensemble", "export"),
        "This installation": ("datasets", "plugins", "doctor", "completion"),
    }


@click.group(
    cls=_Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="metaqnn")
def cli() -> None:
    """The group of all commands."""


_COMMANDS = (
    *(search, resume, replay, report, train, evaluate, ensemble, export, compare, enumerate_, describe, datasets),
    *(plugins, observe, experiments, init, config, doctor, completion),
)

for _command in _COMMANDS:
    cli.add_command(_command)
for _command in (import_, export_replay, check, rescue):
    replay.add_command(_command)


def _told(message: object) -> str:
    """A message that repeats no long argument whole."""
    text = str(message)
    for word in sys.argv[1:]:
        for part in (word, *word.split("=")):
            if len(part) > _LONG:
                text = text.replace(part, brief(part)).replace(part.removeprefix("./"), brief(part))  # of a path
    return text


_LONG = 200
"""Characters of an argument."""


def run() -> None:
    """The entry point: bad input or a place that cannot be used ends in a sentence and code 2, signal n in 128 + n."""
    try:
        cli(prog_name="metaqnn", standalone_mode=False, color=False if os.environ.get("NO_COLOR") else None)
    except _HELP_ASKED as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context else ""
        told = _told(error.format_message()).replace("\n\t", " ")  # which click sets before each choice
        print(f"metaqnn: {told}{hint}", file=sys.stderr)
        sys.exit(2)
    except click.Abort as error:
        print("Interrupted; nothing that was recorded is lost.", file=sys.stderr)
        signals = error.__cause__.args if error.__cause__ else ()
        sys.exit(128 + (signals[0] if signals else SIGINT))
    except Exception as error:  # the last that could say it in a sentence; what is nobody's to expect goes on
        sentence = _sentence(error)
        if sentence is None:
            raise
        with suppress(OSError):  # nobody can be told where the standard error is what is full
            print(f"metaqnn: {_told(sentence)}", file=sys.stderr)
            if verbosity() is Verbosity.VERBOSE:
                print(*_causes(error), sep="\n", end="", file=sys.stderr)
        sys.exit(2)


def _causes(error: BaseException) -> Iterator[str]:
    """A line for each error behind one, and an empty one at the end."""
    while (behind := error.__cause__ or error.__context__) is not None:
        error = behind
        yield f"  because of {type(error).__name__}: {brief(str(error))}"
    yield ""


def _sentence(error: Exception) -> object:
    """What the user is told of an error; None where it is a fault of this package."""
    if isinstance(error, MetaqnnError):
        return error
    if fault := machine_fault(error):
        return fault
    if isinstance(error, MemoryError):
        return NO_MEMORY
    if isinstance(error, OSError):  # where nobody nearer knew better
        where = f"{error.filename}: " if error.filename else ""
        problem = error.strerror or error
        return f"{where}expected a place that can be read and written, but {problem}; {advice(error)}"
    return None
