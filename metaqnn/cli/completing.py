"""`metaqnn completion`: what a shell reads to complete commands, options and names."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that makes SHELL complete commands, options, experiments, databases and strategies.

    \b
    bash, in ~/.bashrc:  source <(metaqnn completion bash)
    zsh, in ~/.zshrc:    source <(metaqnn completion zsh)
    fish:  metaqnn completion fish > ~/.config/fish/completions/metaqnn.fish
    """  # noqa: D301 - click knows the character that stands before lines that stay lines
    make = get_completion_class(shell)
    assert make is not None  # click has all three
    complete = make(context.find_root().command, {}, "metaqnn", "_METAQNN_COMPLETE")
    click.echo(complete.source_template % complete.source_vars())  # `source` of bash starts bash to ask its version
