"""Options that several commands share."""

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from metaqnn.verbosity import Verbosity, set_verbosity


class CommandWithOldNames(click.Command):
    """A command some of whose options had other names, which go on working for this release.

    Args:
        old_names: from the old name of an option to that of today.
    """

    def __init__(self, *args: Any, old_names: Mapping[str, str], **attributes: Any):
        super().__init__(*args, **attributes)
        self._old_names = old_names

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of the command line."""
        return super().parse_args(ctx, [self._of_today(word) for word in args])

    def _of_today(self, word: str) -> str:
        name, sign, value = word.partition("=")
        if name not in self._old_names:
            return word
        print(f"{name} is called {self._old_names[name]} now.", file=sys.stderr)
        return f"{self._old_names[name]}{sign}{value}"


def _gpus(_context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """`0,1` as ("0", "1")."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,3}(,[0-9]{1,3})*", text):
        raise click.BadParameter(f"expected numbers such as 0,1, got {text!r}", param=parameter)
    return tuple(text.split(","))


gpus_option = click.option("--gpus", callback=_gpus, metavar="LIST", help="GPUs to train on, as 0,1. [all visible]")


def overrides_option(example: str = "training.epochs=5"):
    """The option that changes keys of an experiment; the help shows the example."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help=f"Change a key, as --set {example}; may be repeated.",
    )


seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    metavar="N",
    help="Seed of all randomness, as --seed 3: the same as --set seed=3.",
)


def _choose_verbosity(context: click.Context, parameter: click.Parameter, is_asked: bool) -> None:
    asked = context.meta.setdefault("metaqnn.verbosity", {})
    asked[parameter.name] = is_asked
    if all(asked.get(name) for name in ("quiet", "verbose")):
        raise click.UsageError("expected one of --quiet and --verbose, got both")
    set_verbosity(next((Verbosity(name) for name, is_asked in asked.items() if is_asked), Verbosity.NORMAL))


def verbosity_options(command):
    """The options that say how much a command shows beside what comes out."""
    for letters, told in (
        (("-v", "--verbose"), "Show everything that happens, a line each."),
        (("-q", "--quiet"), "Show no progress: only what comes out, and errors."),
    ):
        option = click.option(*letters, is_flag=True, expose_value=False, callback=_choose_verbosity, help=told)
        command = option(command)
    return command


def overridden(overrides: tuple[str, ...], seed: int | None, strategy: str | None = None) -> tuple[str, ...]:
    """`--strategy`, `--set` and `--seed` as assignments, each on top of those before."""
    named = () if strategy is None else (f"strategy={json.dumps({'name': strategy})}",)
    return (*named, *overrides, *(() if seed is None else (f"seed={seed}",)))


def complete_experiments(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[Any]:
    """Shipped experiments; files where a path is begun or none fits."""
    from metaqnn.workflows.find_experiment import shipped_experiments

    names = [name for name in shipped_experiments() if name.startswith(begun)]
    if begun and not names:
        return [CompletionItem(begun, type="file")]
    return [CompletionItem(name) for name in names]


def complete_databases(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[Any]:
    """Databases where searches write them by default; files where there are none that fit."""
    found = sorted(str(path) for path in Path("replay_db").glob("*.sqlite") if str(path).startswith(begun))
    return [CompletionItem(path) for path in found] or [CompletionItem(begun, type="file")]


def complete_strategies(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[Any]:
    """Strategies that are installed."""
    return _installed("strategy", begun)


def complete_observers(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[Any]:
    """Observers that are installed."""
    return _installed("observer", begun)


def _installed(kind: str, begun: str) -> list[Any]:
    from metaqnn.core.plugins import installed

    return [CompletionItem(name) for name in sorted(installed(kind)) if name.startswith(begun)]


def complete_data(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[Any]:
    """Data sets that have names; files where a path is begun or none fits."""
    from metaqnn.networks.data.registry import catalogue

    names = [row.name for row in catalogue() if row.name.startswith(begun)]
    return [CompletionItem(name) for name in names] or [CompletionItem(begun, type="file")]


database_argument = click.argument("database", type=click.Path(path_type=Path), shell_complete=complete_databases)


allow_option = click.option(
    "--allow", "allowed", multiple=True, metavar="MODULE:NAME", help="Run this code, which the database names."
)

observe_option = click.option(
    "--observe",
    "observers",
    multiple=True,
    metavar="NAME[,KEY=VALUE...]",
    shell_complete=complete_observers,
    help="Keep the search elsewhere, too: csv, jsonl, tensorboard, mlflow, wandb, or one of a package.",
)

break_lock_option = click.option(
    "--break-lock",
    is_flag=True,
    help="Take the database from a process on another machine, or in another container, that cannot be seen from here. "
    "Make sure first that it has ended: if it still runs, it is stopped at its next record, but two that write at once "
    "over a network can damage the file. What it recorded is kept.",
)

workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes that train side by side. [one per GPU, otherwise one per core]",
)


def require_place(option: str, folder: Path, *names: str) -> None:
    """Make a folder, and see before any work that files of these names can be written there.

    Raises:
        click.BadParameter: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in (folder, *(folder / name for name in names)):
            if (path != folder and path.is_dir()) or (path.exists() and not os.access(path, os.W_OK)):
                raise PermissionError(0, f"{path} is in the way")
    except OSError as error:
        problem = error.strerror or str(error)
        raise click.BadParameter(
            f"expected a place that can be written, but {folder}: {problem}", param_hint=option
        ) from error
