"""What an installation can do: versions, devices, extras, places and room; found without importing a framework here."""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from shutil import disk_usage
from typing import Any

import psutil

from metaqnn.errors import ConfigError, counted
from metaqnn.networks.data.copies import copies
from metaqnn.networks.data.downloads import cache_folder, data_folder
from metaqnn.networks.training.backend import default_backend, require_backend
from metaqnn.version import __version__
from metaqnn.workers.environment import usable_cores, worker_environment

_PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scikit-learn", "click")
_OWN = "metaqnn"
_LONGEST = 600.0
"""Seconds that TensorFlow may take to load: ten on a slow disk, minutes beside twenty other processes."""

_WIDTH = 79
_OURS = ("dev", "bench")
"""Extras for work on this package."""

_TRY = """
import json, tensorflow as tf
gpus = [tf.config.experimental.get_device_details(each).get("device_name", each.name)
        for each in tf.config.list_physical_devices("GPU")]
print(json.dumps({"gpus": gpus}))
"""


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes:
        versions: of Python, this package and others; None where one is not installed.
        cores: that this process may use.
        gpus: names, as TensorFlow sees them.
        problem: what is wrong with TensorFlow; None where nothing is.
        backend_problem: what is wrong with the backend that KERAS_BACKEND names; likewise.
        extras: from the name of an extra to the packages that it lacks.
        places: of data, caches and replay databases, None where none is set; the databases' number beside.
        copies, copies_bytes: of data that were given as objects, in the cache.
        disk_free_bytes, memory_bytes, memory_free_bytes: room.
    """

    versions: dict[str, str | None]
    platform: str
    cores: int
    gpus: list[str]
    problem: str | None
    backend_problem: str | None
    extras: dict[str, list[str]]
    places: dict[str, str | None]
    databases: int
    copies: int
    copies_bytes: int
    disk_free_bytes: int
    memory_bytes: int
    memory_free_bytes: int

    def as_mapping(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """The same for people: at most 23 lines of 79 characters."""
        versions = [f"{name} {version or 'missing'}" for name, version in self.versions.items()]
        yield f"metaqnn {__version__} on {self.platform}"[:_WIDTH]
        yield from _wrapped("Versions", ", ".join(versions[1:]))
        gpus = ", ".join(self.gpus) or "no GPU"
        yield from _wrapped("Devices", f"{self.cores} cores, {gpus}")
        yield from _wrapped("TensorFlow", self.problem or "works")
        if self.backend_problem:
            yield from _wrapped("Backend", self.backend_problem)
        missing = [f"{extra} ({', '.join(lacks)})" for extra, lacks in self.extras.items() if lacks]
        yield from _wrapped("Extras", ", ".join(extra for extra, lacks in self.extras.items() if not lacks) or "none")
        yield from _wrapped("Missing", ", ".join(missing) or "nothing")
        for name, place in self.places.items():
            shown = f"{place}{_doubt(name, Path(place))}" if place else "METAQNN_DATA is not set"
            yield from _wrapped(name.replace("_", " ").capitalize(), shown)
        free, memory = self.disk_free_bytes / 1e9, self.memory_bytes / 1e9
        copied = f"; {counted(self.copies, 'copy', 'copies')} of data in the cache, {self.copies_bytes / 1e9:,.1f} GB"
        yield from _wrapped("Databases", f"{self.databases} in the folder above{copied if self.copies else ''}")
        left = self.memory_free_bytes / 1e9
        yield from _wrapped("Room", f"disk {free:,.1f} GB free; memory {left:,.1f} of {memory:,.1f} GB free")
        if self.problem:
            yield "Next:        python -m pip install --force-reinstall tensorflow keras"
        elif self.backend_problem:
            yield "Next:        unset KERAS_BACKEND"
        elif first := next((each for each, lacks in self.extras.items() if lacks and each not in _OURS), None):
            yield f'To add one:  python -m pip install "metaqnn[{first}]"'
        else:
            yield "Next:        metaqnn search digits"


def _doubt(name: str, place: Path) -> str:
    """What keeps a place from its purpose, to stand behind it."""
    if name == "data":
        return "" if place.is_dir() else " (there is no such folder)"
    there = next((each for each in (place, *place.absolute().parents) if each.exists()), place)
    return "" if there.is_dir() and os.access(there, os.W_OK | os.X_OK) else " (cannot be written)"


def _wrapped(head: str, text: str) -> list[str]:
    """At most three lines: a head and an indented text."""
    from textwrap import wrap

    lines = wrap(text, _WIDTH - 13, max_lines=3, placeholder=" ...") or ["-"]
    return [f"{head + ':' if number == 0 else '':<13}{line}" for number, line in enumerate(lines)]


def examine() -> Examination:
    """Look at the installation; a few seconds, as TensorFlow is loaded in a process of its own."""
    gpus, problem = _try_tensorflow()
    versions: dict[str, str | None] = {"python": platform.python_version(), _OWN: __version__}
    versions |= {name: _version(name) for name in _PACKAGES}
    data, folder = data_folder(), Path("replay_db").absolute()
    room = disk_usage(folder if folder.is_dir() else Path.cwd())
    memory = psutil.virtual_memory()
    return Examination(
        versions,
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        usable_cores(),
        gpus,
        problem,
        _backend_problem(),
        _extras(),
        {"data": str(data) if data else None, "cache": str(cache_folder()), "replay_db": str(folder)},
        len(list(folder.glob("*.sqlite"))),
        len(kept := copies()),
        sum(each.size for each in kept),
        room.free,
        memory.total,
        memory.available,
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _try_tensorflow() -> tuple[list[str], str | None]:
    """The GPUs that TensorFlow sees as a worker has it, and what is wrong with it: the last line that it says."""
    environment = worker_environment(os.environ) | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    try:
        ran = subprocess.run(
            [sys.executable, "-c", _TRY],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return [], f"does not load within {_LONGEST:.0f} seconds"
    except OSError as error:
        return [], f"cannot be tried: {error.strerror or error}"
    lines = [line for line in (ran.stderr if ran.returncode else ran.stdout).splitlines() if line.strip()]
    if ran.returncode:
        return [], f"cannot be loaded: {lines[-1].strip() if lines else f'it ended with code {ran.returncode}'}"
    return list(json.loads(lines[-1])["gpus"]), None


def _backend_problem() -> str | None:
    try:
        require_backend(default_backend())
    except ConfigError as error:
        return str(error)
    return None


def _extras() -> dict[str, list[str]]:
    """What each extra of this package lacks here."""
    try:
        wanted = metadata.requires(_OWN) or []
        extras = metadata.metadata(_OWN).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:  # run from its folder, never installed
        return {}
    found: dict[str, list[str]] = {extra: [] for extra in sorted(extras)}
    for line in wanted:
        requirement, _, marker = line.partition(";")
        for extra in found:
            if f'extra == "{extra}"' in marker.replace("'", '"'):
                name = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
                if name and _version(name[0]) is None:
                    found[extra].append(name[0])
    return found
