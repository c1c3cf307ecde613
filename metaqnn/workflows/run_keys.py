"""What the figures of a compared run follow from, as texts: the table, the strategy's settings, and its code."""

import ast
import json
import sys
from contextlib import suppress
from hashlib import blake2b
from importlib import metadata
from pathlib import Path

from metaqnn.config import as_mapping
from metaqnn.core.plugins import OWN
from metaqnn.replay.canonical import encode
from metaqnn.tables.listed import ListedSpace
from metaqnn.version import __version__
from metaqnn.workflows.section import Section
from metaqnn.workflows.table_files import Benchmark

_BYTES = 16
_LIBRARIES = ("numpy", "optuna", "smac")
"""Whose version may change what a strategy proposes."""


def contents_of(benchmark: Benchmark) -> str:
    """A hash of a table: its space, and the rewards and targets of its networks; not its name."""
    space, table = benchmark.space, benchmark.table
    figures = {text: [float(entry.reward), float(entry.target)] for text, entry in table.entries.items()}
    about = [type(space).__qualname__, as_mapping(space.options), as_mapping(dict(space.facts)), table.score.recorded()]
    module = type(space.space if isinstance(space, ListedSpace) else space).__module__
    outside = [] if module.startswith(f"{OWN}.") else [_sources(module)]  # our own have metaqnn's version
    content = [json.dumps(about, sort_keys=True, default=str), figures, *outside]
    return blake2b(encode(content), digest_size=_BYTES).hexdigest()


def settings_of(part: Section) -> str:
    """A strategy with all its options, as JSON."""
    return json.dumps(part.as_mapping(), sort_keys=True, default=str)


def code_of(part: Section) -> str:
    """A hash of what proposes: the modules of its own package that a strategy is made of, and versions of others."""
    versions = {name: metadata.version(name) for name in _LIBRARIES if _is_installed(name)}
    about = [__version__, part.plugin.version, versions, _sources(part.plugin.load().__module__)]
    return blake2b(encode(about), digest_size=_BYTES).hexdigest()


def _sources(first: str) -> dict[str, bytes]:
    """A module and those it imports: of metaqnn's, from its own room; else from its package, or its folder.

    They are read, and none is imported.
    """
    file = Path(getattr(sys.modules[first], "__file__", None) or "./unknown")
    depth = first.count(".") + (file.name == "__init__.py")
    home = first.rpartition(".")[0] if first.startswith(f"{OWN}.") else first.partition(".")[0] if depth else ""
    todo, found = [first], dict[str, bytes]()
    while todo:
        name = todo.pop()
        is_near = f"{name}.".startswith(f"{home}.") if home else "." not in name
        if not name or not is_near or name in found:
            continue
        path = file.parents[depth].joinpath(*name.split("."))
        is_package = (path / "__init__.py").is_file()
        with suppress(OSError, SyntaxError, ValueError):  # no module, or one that cannot be imported
            found[name] = (path / "__init__.py" if is_package else path.with_suffix(".py")).read_bytes()
            package = name if is_package else name.rpartition(".")[0]
            todo += [each for node in ast.walk(ast.parse(found[name])) for each in _imported(node, package)]
    return found


def _imported(node: ast.AST, package: str) -> list[str]:
    """The modules that a statement may import."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    return [base, *(f"{base}.{alias.name}" for alias in node.names)]


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
