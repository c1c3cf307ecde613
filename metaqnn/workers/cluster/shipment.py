"""What goes from the search to each machine of a cluster once: modules of the user's, and arrays that are its data.

Its hash names it. A worker keeps it in a folder of its own on its machine; workers of one machine share the files by
hard links, so that ten of them map one copy, and the last to end takes it along.
"""

import fcntl
import hashlib
import os
import shutil
import site
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from metaqnn.errors import ClusterError
from metaqnn.files import private_folder
from metaqnn.workers.memory import GIBIBYTE

_MAX_MODULES_BYTES = GIBIBYTE // 16
"""More than this of Python's text is no module that a search is about."""

Content = Mapping[str, bytes | np.ndarray]
"""By relative path; an array becomes a file of NumPy's, NAME.npy."""


@dataclass(frozen=True)
class Shipment:
    """Files for each machine.

    Attributes:
        hash: SHA-256 of them in hexadecimal.
        content: what is in them.
    """

    hash: str
    content: Content


def shipment(content: Content) -> Shipment:
    """Files, with their hash."""
    digest = hashlib.sha256()
    for name, value in sorted(content.items()):
        head = (name, "") if isinstance(value, bytes) else (name, value.dtype.str, *map(str, value.shape))
        digest.update("\0".join(head).encode())
        digest.update(value if isinstance(value, bytes) else np.ascontiguousarray(value).data)
        digest.update(b"\0")
    return Shipment(digest.hexdigest(), content)


def users_modules() -> dict[str, bytes]:
    """The source of every module that was imported and that no installed package brought, by path below its folder.

    Of a package all its modules go along, also those that nobody has imported yet.

    Raises:
        ClusterError: they are too large to be sent.
    """
    places = sysconfig.get_paths()
    installed = [Path(places[name]).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    installed += [Path(folder).resolve() for folder in (*site.getsitepackages(), site.getusersitepackages())]
    installed += [Path(folder).resolve() for folder in sys.path if Path(folder).name.endswith("-packages")]
    installed.append(Path(__file__).resolve().parents[2])
    found: dict[str, bytes] = {}
    for name, module in sorted(sys.modules.items()):
        source = _source_of(module)
        if "." in name or name == "__main__" or source is None or any(map(source.is_relative_to, installed)):
            continue
        is_package = source.name == "__init__.py"
        root = source.parent.parent if is_package else source.parent
        for file in sorted(source.parent.rglob("*.py")) if is_package else [source]:
            found[file.relative_to(root).as_posix()] = file.read_bytes()
    size = sum(map(len, found.values()))
    if size > _MAX_MODULES_BYTES:
        largest = max(found, key=lambda path: len(found[path]))
        raise ClusterError(
            f"expected modules of at most {_MAX_MODULES_BYTES:,} bytes to be sent to the cluster, got {size:,}, "
            f"of which {largest} is the largest; install them on its machines as a package"
        )
    return found


def _source_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) and file.endswith(".py") and Path(file).is_file() else None


@contextmanager
def kept_folder() -> Iterator[Path]:
    """An empty folder for this process on this machine; what killed processes left there goes first.

    Raises:
        OSError: it cannot be made.
    """
    root = Path(tempfile.gettempdir()) / f"metaqnn-cluster-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    found = root.lstat()
    if root.is_symlink() or found.st_uid != os.getuid():
        raise PermissionError(f"{root} is somebody else's")
    with private_folder(root / "worker") as folder:
        yield folder


def unpacked(hash_: str, fetch: Callable[[], Content], folder: Path) -> Path:
    """The files of a shipment in a folder below `folder`, fetched unless another worker of this machine has them.

    Args:
        hash_: of the shipment.
        fetch: gets its content.
        folder: from `kept_folder`.

    Raises:
        OSError: they cannot be written.
    """
    target, root = folder / hash_, folder.parents[1]
    with (root / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # others wait until it is there, and link it
        for other in root.glob(f"*/*/{hash_}"):
            with suppress(OSError):  # its worker may end this moment
                shutil.copytree(other, target, copy_function=os.link)
                return target
            shutil.rmtree(target, ignore_errors=True)
        unfinished = folder / f"{hash_}.unfinished"
        for name, value in fetch().items():
            path = unfinished / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(value, bytes):
                path.write_bytes(value)
            else:
                np.save(path, value, allow_pickle=False)
        unfinished.mkdir(exist_ok=True)  # where it is empty
        unfinished.rename(target)
    return target
