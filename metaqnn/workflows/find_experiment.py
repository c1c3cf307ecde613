"""An experiment found by its name or its path, with what the command line changes in it."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from metaqnn.config import load_yaml, nearest, override
from metaqnn.errors import ConfigError, brief, shown
from metaqnn.workflows.experiment import Experiment, read_experiment


def shipped_experiments() -> dict[str, Path]:
    """The experiments that come with the package: name -> file. In a checkout they stand at its top."""
    package = Path(__file__).parents[1]
    for folder in (package / "experiments", package.parent / "experiments"):
        found = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
        if found:
            return found
    return {}


def _warn(line: str) -> None:
    warnings.warn(line, FutureWarning, stacklevel=3)  # of who calls `load_experiment`


def load_experiment(
    where: str | Path, overrides: Sequence[str] = (), announce: Callable[[str], None] = _warn
) -> Experiment:
    """Read an experiment.

    Args:
        where: a YAML file, or the name of a shipped experiment.
        overrides: `key=value` with dotted keys, which win over the file.
        announce: called with a line for the user for each name that has changed.

    Raises:
        ConfigError: there is no such experiment, or something in it cannot be used.
    """
    text = str(where)
    if text.endswith((".yaml", ".yml")) or "/" in text:
        path = Path(where)
    else:
        shipped = shipped_experiments()
        if text not in shipped:
            raise ConfigError(
                f"there is no experiment {shown(text)} (a file would end in .yaml); {nearest(text, shipped)}"
            )
        path = shipped[text]
    content = load_yaml(path)
    contents = [content]
    for assignment in overrides:
        contents.append(override(contents[-1], assignment))
    lines: list[str] = []
    try:
        experiment = read_experiment(contents[-1], str(path), lines.append)
    except ConfigError:
        _require_options_that_fit(contents, overrides, str(path))
        raise
    for line in lines:
        announce(line)
    return experiment


def _require_options_that_fit(contents: Sequence[Mapping[str, Any]], overrides: Sequence[str], file: str) -> None:
    """Say of an option, not of the file, what cannot be used because of it.

    Args:
        contents: the file's, and after each of the options.
        overrides: the options.
        file: its name.
    """
    was_whole = False
    for content, assignment in zip(contents, (None, *overrides), strict=True):
        try:
            read_experiment(content, file if assignment is None else f"--set {brief(assignment)}", lambda line: None)
            was_whole = True
        except ConfigError:
            if was_whole:
                raise
