"""Options that several commands share."""

import re

import click


def _gpus(_context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """`0,1` as ("0", "1")."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,3}(,[0-9]{1,3})*", text):
        raise click.BadParameter(f"expected numbers such as 0,1, got {text!r}", param=parameter)
    return tuple(text.split(","))


gpus_option = click.option("--gpus", callback=_gpus, metavar="LIST", help="GPUs to train on, as 0,1. [all visible]")

overrides_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a key, as training.epochs=5."
)

workers_option = click.option(
    "--workers", type=click.IntRange(min=1), help="Processes that train side by side. [one a GPU, else one a core]"
)
