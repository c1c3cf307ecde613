"""The wheel: the same bytes from the same sources, and what it asks for said inside."""

import configparser
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("metaqnn", "experiments", "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Built twice, as `make wheel` does: elsewhere, by others' rights, at another time, after another build."""
    built = []
    for number, umask in enumerate((0o022, 0o007)):
        folder = tmp_path_factory.mktemp(f"sources{number}")
        for name in SOURCES:
            path, ignored = ROOT / name, shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, folder / name, ignore=ignored) if path.is_dir() else shutil.copy(path, folder / name)
        for path in sorted(folder.rglob("*"), reverse=bool(number)):
            path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)
            os.utime(path, (10**9 + number, 10**9 + number))
        if number:
            (folder / "build" / "lib" / "metaqnn").mkdir(parents=True)
            (folder / "build" / "lib" / "metaqnn" / "left_over.py").touch()
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist")]
        environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
        ran = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, umask=umask, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        built += (folder / "dist").glob("*.whl")
    return built


@pytest.mark.long
def test_two_builds_have_the_same_bytes(wheels):
    first, second = (hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels)
    assert first == second


@pytest.mark.long
def test_the_source_distribution_makes_the_same_wheel_and_an_index_takes_both(wheels):
    folder = wheels[0].parents[1]
    for command in (["build", "--no-isolation", "--outdir", "both"], ["twine", "check", "--strict", "both/*"]):
        ran = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    (wheel,) = (folder / "both").glob("*.whl")
    assert wheel.read_bytes() == wheels[0].read_bytes()
    assert len(list((folder / "both").glob("*.tar.gz"))) == 1


@pytest.mark.long
def test_the_wheel_says_what_it_asks_for(wheels):
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    with ZipFile(wheels[0]) as wheel:
        (name,) = (name for name in wheel.namelist() if ".dist-info/sboms/" in name)
        bill = json.loads(wheel.read(name))
        version = name.split("-")[1].removesuffix(".dist")
        assert {info.date_time for info in wheel.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["purl"] == f"pkg:pypi/metaqnn@{version}"
    required = {c["description"].removeprefix("asked for as ") for c in bill["components"] if c["scope"] == "required"}
    assert sorted(required) == setup["options"]["install_requires"].split()
    optional = {c["name"] for c in bill["components"] if c["scope"] == "optional"}
    extras = {name: text.split() for name, text in setup["options.extras_require"].items()}
    for_users = [text for name, texts in extras.items() if name not in ("dev", "docs", "bench") for text in texts]
    assert optional == {re.match(r"[\w-]+", text)[0] for text in for_users}
    assert {"onnx", "ray", "torch"} <= optional
    (root,) = (d for d in bill["dependencies"] if d["ref"] == f"pkg:pypi/metaqnn@{version}")
    assert sorted(root["dependsOn"]) == sorted(component["bom-ref"] for component in bill["components"])


def test_every_package_is_in_it():
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    folders = [path.parent.relative_to(ROOT) for path in (ROOT / "metaqnn").rglob("__init__.py")]
    listed = set(setup["options"]["packages"].split()) - {"metaqnn.experiments"}
    assert listed == {".".join(folder.parts) for folder in folders}
