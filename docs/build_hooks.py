"""What `make docs` writes that no page holds: the reference of keys, from the dataclasses, and of the package."""

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import metaqnn
from metaqnn.config import as_mapping, type_words
from metaqnn.core.plugins import OWN, installed
from metaqnn.networks.data.config import DatasetConfig
from metaqnn.networks.retraining.config import RECIPES
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.replay.frames import Replay
from metaqnn.search.config import SearchConfig
from metaqnn.workflows.experiment import Experiment
from metaqnn.workflows.facade import SearchResult
from metaqnn.workflows.table_files import TableSection

_PART = "of a data set of a plug-in"
"""Begins what is said of a field that holds keys of others."""

_TOP = (
    ("name", "a text", "must be given"),
    ("seed", "a whole number", "`0`"),
    ("warm_start", "a text or nothing", "`null`"),
)
"""The keys of an experiment that stand in no section."""

_INTRODUCTION = """# Configuration

Every key of an experiment and of a table file, from the dataclasses that read them. A key without a default must be
given. `--set section.key=VALUE` changes any of them from the command line; a wrong key, type or value is refused in a
sentence that names the nearest valid one.
"""


_PACKAGE = """# The package

What is used most is reachable from `metaqnn` itself, loaded on first use; and what two of the functions return."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    root = Path(config.config_file_path).parent
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    made = {"reference/configuration.md": configuration(), "reference/python/package.md": package()}
    for path, content in {**made, "changelog.md": changelog}.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take away what is said to the tests alone."""
    markdown = re.sub(r"^<!-- test: .* -->\n", "", markdown, flags=re.MULTILINE)
    return re.sub(r"^(```\w+) no-run$", r"\1", markdown, flags=re.MULTILINE)


def package() -> str:
    """The page of what `import metaqnn` offers, and of what that returns."""
    offered = [getattr(metaqnn, name) for name in metaqnn.__all__ if not name.startswith("__")]
    paths = [f"::: {each.__module__}.{each.__qualname__}" for each in (*offered, SearchResult, Replay)]
    return "\n\n".join([_PACKAGE, *paths]) + "\n"


def configuration() -> str:
    """The page of all configurations."""
    return "\n".join([_INTRODUCTION, *_pages()])


def _pages() -> Iterator[str]:
    told = meanings(Experiment)
    yield _table("The top of an experiment", [(*row, told[row[0]]) for row in _TOP])
    yield _section("dataset", DatasetConfig)
    for kind in ("dataset", "space", "strategy", "evaluator", "reward"):
        for name, (plugin, *_) in installed(kind).items():
            if plugin.package == OWN and (kind, name) != ("evaluator", "network"):
                part = plugin.load()
                about = (part.__doc__ or "").split("\n")[0]
                if keys(part.Options):
                    yield _section(kind, part.Options, name, about, getattr(part, "PRESETS", {}))
    yield _section("training", TrainingConfig)
    yield _section("search", SearchConfig)
    for name, recipe in RECIPES.items():
        yield _section("final", recipe, name)
    yield _section("table", TableSection, about="Of a table file for `metaqnn compare`, beside `name` and `space`.")


def meanings(section: type[Any]) -> dict[str, str]:
    """What each key of a section means, from the docstrings of its dataclass and of those that it builds on."""
    found: dict[str, str] = {}
    for each in section.__mro__:
        for part in griffe.Docstring(each.__doc__ or "").parse("google", warnings=False):
            if part.kind is griffe.DocstringSectionKind.attributes:
                for attribute in part.value:
                    text = re.sub(r"\bNone\b", "`null`", " ".join(attribute.description.split()))
                    found.setdefault(attribute.name, text)
    return found


def keys(section: type[Any]) -> list[dataclasses.Field[Any]]:
    """The keys that a user may write, its own before inherited ones; a `name` of one value only names the section."""
    hints, own, found = typing.get_type_hints(section), inspect.get_annotations(section), []
    for field in sorted(dataclasses.fields(section), key=lambda field: field.name not in own):
        names_part = field.name == "name" and typing.get_origin(hints["name"]) is typing.Literal
        if field.init and not names_part and not meanings(section).get(field.name, "").startswith(_PART):
            found.append(field)
    return found


def _section(path: str, section: type[Any], name: str = "", about: str = "", presets: Any = ()) -> str:
    """A section with a row for each key, and those inside it."""
    title = f"`{path}`" + (f", `name: {name}`" if name else "")
    if len(presets) > 1:
        about += f" Presets, the first of which is meant: {', '.join(f'`{preset}`' for preset in presets)}."
    rows, inner, told, hints = [], [], meanings(section), typing.get_type_hints(section)
    for field in keys(section):
        default = "must be given"
        value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if value is not dataclasses.MISSING:
            default = f"`{_as_yaml(value)}`"
        rows.append((field.name, type_words(hints[field.name]), default, told[field.name]))
        options = (hints[field.name], *typing.get_args(hints[field.name]))
        inner += [_inner(f"{path}.{field.name}", each) for each in options if dataclasses.is_dataclass(each)]
    return "\n".join([_table(title, rows, about), *inner])


def _inner(path: str, section: type[Any]) -> str:
    """A section inside another; the first line of its dataclass says what it is where several stand to choose from."""
    name = getattr(section, "name", "")
    return _section(path, section, name, (section.__doc__ or "").split("\n")[0] if name else "")


def _table(title: str, rows: list[tuple[str, str, str, str]], about: str = "") -> str:
    lines = [f"\n## {title}\n", *([about.strip() + "\n"] if about else [])]
    lines += ["| Key | Type | Default | Meaning |", "|---|---|---|---|"]
    for key, kind, default, meaning in rows:
        lines.append(f"| `{key}` | {kind} | {default} | {meaning.replace('|', '&#124;')} |")
    return "\n".join(lines) + "\n"


def _as_yaml(value: Any) -> str:
    """A default as a file would hold it."""
    text = yaml.safe_dump(as_mapping(value), default_flow_style=True, width=10_000, sort_keys=False)
    return " ".join(text.removesuffix("...\n").split())
