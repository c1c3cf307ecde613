"""A search of an example that is not installed: each of its parts is named by the target of its entry point."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from patience import patience

from metaqnn.config import load_yaml

EXAMPLES = Path(__file__).parents[2] / "examples"


def search(name: str, models: int, folder: Path) -> Path:
    """Search for `models` architectures with the experiment of an example; returns the database."""
    example, database = EXAMPLES / name, folder / f"{name}.sqlite"
    experiment = example / f"{name}.yaml"
    groups = tomllib.loads((example / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    targets = {}
    for section, content in load_yaml(experiment).items():
        offered = groups.get("metaqnn.strategies" if section == "strategy" else f"metaqnn.{section}s", {})
        if isinstance(content, dict) and content.get("name") in offered:
            targets[section] = offered[content["name"]]
    assert targets, f"{experiment} uses nothing of its own"
    settings = [text for section, target in targets.items() for text in ("--set", f"{section}.name={target}")]
    subprocess.run(
        [sys.executable, "-m", "metaqnn", "search", experiment, "--models", str(models), "--db", database, *settings],
        env={**os.environ, "PYTHONPATH": str(example)},
        check=True,
        timeout=patience(280),
    )
    return database
