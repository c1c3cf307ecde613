"""Data sets in one .npz file with the members x_train, y_train, x_test and y_test, and perhaps names of targets."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import numpy as np

from metaqnn.core import Dataset, Note, TargetKind
from metaqnn.errors import DataError, brief
from metaqnn.files import open_regular
from metaqnn.networks.data.arrays import MEMBER_WORDS, MEMBERS, TARGET_NAMES, as_images, skipped, target_names
from metaqnn.networks.data.sources import ImageSplit, require_room
from metaqnn.networks.data.target_arrays import as_targets


class Archive(Dataset):
    """One .npz file. A search needs x_train and y_train alone.

    Args:
        path: of the file.
        class_names: the classes where they are known; None takes them from y_train.
        channels, scale, target: as in the section `dataset`.
    """

    def __init__(
        self,
        path: Path,
        class_names: tuple[str, ...] | None = None,
        channels: Literal["first", "last"] | None = None,
        scale: float | None = None,
        target: TargetKind | None = None,
    ):
        self.path = path
        self._class_names, self._channels, self._scale, self._target = class_names, channels, scale, target

    def train(self) -> ImageSplit:
        """The members x_train and y_train; no other member is read.

        Images for validation that lie beside them stay there: a search holds out its own, by its seed.
        """
        return self._part("train")

    def test(self) -> ImageSplit:
        """The members x_test and y_test; the classes are those of y_train.

        Raises:
            DataError: also where y_train holds texts and y_test numbers, which would be taken for positions.
        """
        return self._part("test")

    def location(self) -> str:
        """The path of the file."""
        return str(self.path)

    def available(self) -> bool:
        """Whether the file exists."""
        return os.path.isfile(self.path)

    def _part(self, part: str) -> ImageSplit:
        x, y, class_names = f"x_{part}", f"y_{part}", self._class_names
        with self._open() as members:
            stored, stored_labels = _member(members, x), _member(members, y)
            images = as_images(stored, x, self._channels, self._scale)
            kind, named = self._target, None
            if TARGET_NAMES in members.files:
                named = target_names(_member(members, TARGET_NAMES), TARGET_NAMES)
            if class_names is None and part == "test":
                known = _member(members, "y_train")
                _, class_names, kind = as_targets(known, None, kind, "y_train", named)
                if known.dtype.kind == "U" and stored_labels.dtype.kind in "iu":
                    raise DataError(
                        f"y_test: expected texts as in y_train ({brief(', '.join(class_names))}), got whole numbers; "
                        "store the names of the classes"
                    )
            labels, class_names, kind = as_targets(stored_labels, class_names, kind, y, named)
            known_members = MEMBERS if kind == "classes" else (*MEMBERS, TARGET_NAMES)
            others = [name for name in members.files if name not in known_members] if part == "train" else []
            passed_over = skipped(others)
            read = Note("fact", f"{x} is {stored.dtype} of shape {stored.shape}")
            return ImageSplit(images, labels, class_names, (read, *passed_over))

    @contextmanager
    def _open(self) -> Iterator[np.lib.npyio.NpzFile]:
        """The members, read only when asked for; every problem in one sentence that names the file."""
        with ExitStack() as opened:
            try:
                # Opened here, so that the file is closed whatever NumPy makes of its content.
                file = opened.enter_context(open_regular(self.path))
                is_archive = zipfile.is_zipfile(file)
                file.seek(0)
                members = opened.enter_context(np.load(file, allow_pickle=False)) if is_archive else None
            except FileNotFoundError:
                raise DataError(f"{self.path}: there is no such file") from None
            except Exception as error:  # zipfile and NumPy raise whatever the damage leads to
                reason = getattr(error, "strerror", None) or brief(str(error)) or type(error).__name__
                raise DataError(f"{self.path}: it cannot be read: {reason}") from error
            try:
                if members is None:
                    raise DataError(f"it is no complete .npz file; write it with numpy.savez ({MEMBER_WORDS})")
                yield members
            except DataError as error:
                raise DataError(f"{self.path}: {error}") from error


def _member(members: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    """One array of the file, never unpickled."""
    if name not in members.files:
        found = brief(", ".join(members.files)) or "nothing"
        raise DataError(f"expected a member {name} beside others of {MEMBER_WORDS}, got {found}")
    try:
        # Before it is unpacked; an array that says that it is larger than its member ends as a damaged one.
        listed = members.zip.infolist() if members.zip else []
        require_room(max(info.file_size for info in listed if info.filename in (name, f"{name}.npy")), name)
        array = members[name]
    except DataError:
        raise
    except Exception as error:  # zipfile and NumPy raise whatever the damage leads to
        if "Object arrays" in str(error) and name.startswith("y"):
            raise DataError(
                f"{name}: expected whole numbers or texts, got Python objects, which are never read, for they may run "
                f"code; store {name}.astype(str), or numbers"
            ) from error
        if "Object arrays" in str(error):
            raise DataError(
                f"{name}: expected one array of numbers, got Python objects (images of different sizes?); "
                "bring all images to one size"
            ) from error
        raise DataError(f"{name}: it is damaged: {brief(str(error)) or type(error).__name__}") from error
    if not isinstance(array, np.ndarray):  # NumPy hands out a member that is no array as its raw bytes
        raise DataError(f"{name}: it is damaged: it is no array")
    return array
