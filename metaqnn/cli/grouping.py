"""Lists of commands in `--help`: by task where there are tasks, each with the whole first sentence of its help."""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import click


class CommandsByTask(click.Group):
    """A group whose help lists its commands by task.

    Attributes:
        tasks: from the heading of a task to its commands in order; what is in none stands under 'Commands'.
    """

    tasks: ClassVar[Mapping[str, Sequence[str]]] = {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the lists."""
        named = [name for names in self.tasks.values() for name in names]
        others = [name for name in self.list_commands(ctx) if name not in named]
        for heading, names in (*self.tasks.items(), ("Commands", others)):
            if rows := [(name, _sentence(self.commands[name])) for name in names if name in self.commands]:
                with formatter.section(heading):
                    formatter.write_dl(rows)


def _sentence(command: click.Command) -> str:
    """The first sentence of a command's help."""
    text = " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split())
    return re.split(r"(?<=\.)\s+(?=[A-Z])", text)[0]
