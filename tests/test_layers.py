"""Imports point down only (DESIGN.md, "Layers"), and nothing heavy is imported before it is used."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import metaqnn

PACKAGE = Path(metaqnn.__file__).parent

ROWS = [
    {"__main__"},
    {"cli", "web", "estimators", "testing"},
    {"workflows"},
    {"reports"},
    {"networks", "pipelines", "tables"},
    {"search", "strategies", "workers", "replay", "observers"},
    {"core"},
    {"config", "seeding", "errors", "files", "machine", "owner", "verbosity", "yaml_text"},
    {"version"},
]
"""From the top down. A room imports itself and rooms of lower rows; the last row is imported by all."""

FOUNDATION = {"config", "seeding", "errors", "files", "machine", "owner", "verbosity", "yaml_text"}
"""Rooms of one file each, which may import each other as long as there is no circle."""

HEAVY = (
    "tensorflow",
    "keras",
    "torch",
    "jax",
    "sklearn",
    "matplotlib",
    "pandas",
    "tensorboard",
    "mlflow",
    "wandb",
    "optuna",
    "ray",
)

HEIGHT = {room: len(ROWS) - row for row, rooms in enumerate(ROWS) for room in rooms}


PUBLIC = metaqnn._LAZY
"""Public names and where they are."""


def name_of(path: Path) -> str:
    parts = ["metaqnn", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "metaqnn"


def imports_of(module: str) -> list[tuple[str, int]]:
    """What a module imports from this package, with lines: inside functions and behind TYPE_CHECKING too."""
    found = []
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: imports are absolute"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in inside]
        else:
            continue
        found += [(name, node.lineno) for name in names if name.split(".")[0] == "metaqnn"]
    return found


def for_editors(module: str) -> set[int]:
    """The lines of a module that no program runs: what stands behind TYPE_CHECKING."""
    blocks = [node for node in ast.parse(MODULES[module].read_text(encoding="utf-8")).body if isinstance(node, ast.If)]
    hidden = [node for node in blocks if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"]
    return {line for node in hidden for line in range(node.lineno, node.end_lineno + 1)}


def test_there_is_something_to_look_at():
    assert {"metaqnn", "metaqnn.__main__", "metaqnn.cli", "metaqnn.search.loop", "metaqnn.errors"} <= set(MODULES)
    assert "metaqnn.config" in [name for name, _ in imports_of("metaqnn.networks.spaces.config")]
    assert "metaqnn.workflows" in [name for name, _ in imports_of("metaqnn.cli.searching")]


def test_every_room_has_its_row():
    assert {room_of(module) for module in MODULES} - {"metaqnn"} <= set(HEIGHT)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module):
    importer = room_of(module)
    for imported, line in imports_of(module):
        room = room_of(imported)
        if importer == "metaqnn":
            public = imported == "metaqnn.version" or set(PUBLIC.values()) & {imported, imported.rpartition(".")[0]}
            assert public, f"{module}:{line}: the package itself imports only what it shows"
        else:
            assert imported in MODULES, f"{module}:{line}: there is no module {imported}"
            assert room != "metaqnn", f"{module}:{line}: the public names are for users"
            assert room == importer or HEIGHT[room] < HEIGHT[importer] or {room, importer} <= FOUNDATION, (
                f"{module}:{line}: {importer} imports {room}"
            )


def test_the_package_itself_loads_its_version_alone():
    at_run_time = [node for node in ast.parse(MODULES["metaqnn"].read_text()).body if isinstance(node, ast.ImportFrom)]
    assert {node.module for node in at_run_time} <= {"importlib", "types", "typing", "metaqnn.version"}


WORKERS = [module for module in MODULES if room_of(module) == "workers"]


@pytest.mark.parametrize("module", WORKERS)
def test_the_pool_of_workers_knows_nothing_of_what_it_runs(module):
    rooms = {room_of(name) for name, _ in imports_of(module)}
    assert rooms <= {"workers", "core", *FOUNDATION}
    text = MODULES[module].read_text(encoding="utf-8").casefold()
    text = text.replace("signature(self._function).parameters", "")  # those of a function, in Python's own word
    for word in ("kerasevaluator", "layerspace", "parameters", "flops", "accuracy", "keras"):
        assert word not in text


def test_no_module_imports_itself_in_a_circle():
    graph = {module: {name for name, _ in imports_of(module)} - {module} for module in MODULES}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert set(MODULES) <= set(order)


def test_nothing_imports_the_command_line():
    importers = {m for m in MODULES if "cli" in {room_of(name) for name, _ in imports_of(m)}}
    assert {room_of(module) for module in importers} == {"cli", "__main__"}


def test_lazy_names_lead_somewhere():
    for name in metaqnn.__all__:
        assert getattr(metaqnn, name) is not None
    assert sorted(metaqnn.__all__) == dir(metaqnn)
    with pytest.raises(AttributeError, match=r"^module 'metaqnn' has no attribute 'nonsense'$"):
        metaqnn.nonsense  # noqa: B018


def loaded_by(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after some code; its last line of output names them."""
    code += f"\nimport sys; print(*(name for name in {HEAVY} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.splitlines()[-1].split())


def test_the_check_for_heavy_packages_can_fail():
    assert loaded_by("import pandas") == {"pandas"}


@pytest.mark.parametrize(
    "module",
    [
        *("cli", "workflows", "workflows.retrain", "search.loop", "search.verify", "core.plugins", "replay.memory"),
        *("networks.evaluator", "networks.spaces.layer_space", "networks.export.export", "networks.retraining.testing"),
        *("networks.retraining.pool", "workers.worker_pool", "workers.evaluating", "workers.functions"),
        *("reports.report_data", "reports.page", "tables.table", "tables.chain"),
        *("observers.tensorboard", "observers.mlflow", "observers.wandb", "workflows.observing_process"),
    ],
)
def test_importing_loads_nothing_heavy(module):
    assert loaded_by(f"import metaqnn.{module}") == set()


def test_no_help_loads_anything_heavy():
    code = """
import click
from click.testing import CliRunner
from metaqnn.cli import cli

def commands(group, path):
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, [*path, name])

shown = list(commands(cli, []))
for path in shown:
    result = CliRunner().invoke(cli, [*path, "--help"], prog_name="metaqnn")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage: metaqnn " + " ".join(path)), result.output
assert ["search"] in shown and ["replay", "top"] in shown
"""
    assert loaded_by(code) == set()


def test_describing_a_network_loads_nothing_heavy():
    assert loaded_by("from metaqnn import describe; describe('[C(64,3,1), P(2,2), SM(10)]', (32, 32, 3))") == set()


def test_reading_every_experiment_loads_nothing_heavy():
    code = "from metaqnn.workflows import *; [load_experiment(name) for name in shipped_experiments()]"
    assert loaded_by(code) == set()
