"""What the folders within a folder of images are: parts, or classes."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from metaqnn.core import Note
from metaqnn.errors import DataError, brief, shown
from metaqnn.networks.data.config import Layout
from metaqnn.networks.data.image_files import Listing, require_folder, subfolders

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".avif")
_OTHER_IMAGES = frozenset(
    (
        *(".heic", ".heif", ".jp2", ".jxl", ".ico", ".tga", ".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".exr", ".hdr"),
        *(".psd", ".svg", ".dcm", ".raw", ".cr2", ".nef", ".dng", ".npy"),
    )
)
"""Images that are not read: to pass over one of them is more than to pass over a text."""
_ROLES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_OF_SYSTEMS = ("thumbs.db", "desktop.ini", "__macosx")


class FolderLayout:
    """The parts of a folder of images.

    Args:
        path: of the folder.
        layout: 'parts', 'classes', or 'auto', which refuses what could be either.

    Raises:
        DataError: it is no folder, or its folders cannot be understood.
    """

    def __init__(self, path: Path, layout: Layout):
        require_folder(path)
        self.path, self._may_nest_parts = path, layout != "auto"
        self._notes: list[Note] = []
        self._seen: dict[str, Path] = {}
        self._train: list[Path] = []
        self._test: Path | None = None
        found = _visible(path)
        roles, others = self._roles(found)
        has_parts = layout == "parts" or (layout == "auto" and bool(subfolders(path / roles.get("train", "train"))))
        if has_parts:
            self._as_parts(roles, others, layout)
        else:
            self._as_classes(roles, others, layout)

    def train(self) -> Listing:
        """The files of the training part.

        Raises:
            DataError: there are none, or they cannot be understood.
        """
        whole = self._whole()
        if self._train:
            return whole
        test, train = whole.divided()
        return Listing(train.files, train.labels, train.class_names, (*train.notes, *_small(whole, test, train)))

    def test(self) -> Listing:
        """The files of the test part.

        Raises:
            DataError: there are none, or they cannot be understood.
        """
        whole = self._whole()
        if not self._train:
            return whole.divided()[0]
        if self._test is None or not subfolders(self._test):
            folder = self._test or self.path / "test"
            raise DataError(f"{folder}: expected a folder of images for each class, as in 'train' beside it, got none")
        return self._list([self._test], whole.class_names)

    def _whole(self) -> Listing:
        self._seen = {}  # by which links to the same folder are found, also those of the test part
        listing = self._list(self._train or [self.path])
        return Listing(listing.files, listing.labels, listing.class_names, (*self._notes, *listing.notes))

    def _roles(self, found: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Which folder is which part by its name, and the folders that are none."""
        roles: dict[str, str] = {}
        twice = None
        for name in found:
            role = _ROLES.get(name.lower())
            if role in roles:
                twice = twice or (roles[role], name)
            elif role:
                roles[role] = name
        if twice and subfolders(self.path / roles.get("train", "train")):
            raise DataError(f"{self.path}: expected one folder of a part, got {shown(list(twice))}; make them one")
        return roles, [name for name in found if name not in roles.values()]

    def _as_parts(self, roles: dict[str, str], others: list[str], layout: Layout) -> None:
        if "train" not in roles:
            got = shown([*roles.values(), *others])
            raise DataError(f"{self.path}: expected a folder 'train', as dataset.layout is 'parts', got {got}")
        self._train = [self.path / roles["train"]]
        if not subfolders(self._train[0]):
            raise self._flat(self._train[0])
        if others and layout == "auto":
            raise DataError(
                f"{self.path}: expected nothing beside the parts ({', '.join(roles.values())}), got the folder "
                f"{shown(others[0])}; set dataset.layout to 'parts' to leave it out, or to 'classes' if every folder "
                "here is a class"
            )
        if others:
            self._notes.append(Note("skipped", f"folders beside the parts: {brief(', '.join(others))}"))
        if "test" in roles:
            self._test = self.path / roles["test"]
        if "val" in roles and not subfolders(self.path / roles["val"]):
            self._notes.append(Note("doubt", f"{shown(roles.pop('val'))} has no folders of classes and is not read"))
        if "val" in roles and self._test is None:
            self._test = self.path / roles["val"]
            text = f"there is no folder 'test', so that {shown(roles['val'])} is the test part, for final results alone"
            self._notes.append(Note("doubt", text))
        elif "val" in roles:
            self._train.append(self.path / roles["val"])
            what = f"the images of {shown(roles['val'])} joined the training part"
            text = f"{what}, from which a search holds out its own validation images by the seed"
            self._notes.append(Note("doubt", text))

    def _as_classes(self, roles: dict[str, str], others: list[str], layout: Layout) -> None:
        """See that it is one: 'train' without folders in it may be a class, as of a data set of vehicles."""
        if layout == "classes":
            return
        if "train" in roles and not others:
            raise self._flat(self.path / roles["train"])
        beside = [name for role, name in roles.items() if role != "train"]
        if beside:
            raise DataError(
                f"{self.path}: expected parts or classes, got the folder {shown(beside[0])} and no folder 'train' "
                "with a folder for each class; put the classes to train on into 'train', or set dataset.layout to "
                "'classes' if every folder here is a class"
            )
        if not others and _loose_images(self.path):
            raise self._flat(self.path)
        if len(others) == 1 and len(subfolders(self.path / others[0])) > 1:
            raise DataError(
                f"{self.path}: expected a folder of images for each of two or more classes, got {shown(others)}; "
                f"name {self.path / others[0]} if the classes stand there"
            )

    def _flat(self, folder: Path) -> DataError:
        """What is said of images whose labels stand elsewhere, in their names or in a table."""
        tables = sorted(file.name for file in self.path.iterdir() if file.suffix.lower() == ".csv")
        table = shown(str(self.path / tables[0])) if tables else "its path"
        return DataError(
            f"{folder}: expected a folder of images for each class, got files without; put them into folders named "
            f"after the classes, or list files and labels in a CSV and set dataset.name to {table}"
        )

    def _list(self, parts: Sequence[Path], class_names: tuple[str, ...] | None = None) -> Listing:
        """The image files of folders of classes; the first says which classes there are."""
        listed: list[tuple[int, Path]] = []
        passed_over: Counter[str] = Counter()
        notes: list[Note] = []
        for part in parts:
            found = _visible(part)
            if class_names is None:
                class_names = tuple(found)
                if len(found) < 2:
                    raise DataError(
                        f"{part}: expected a folder of images for each of two or more classes, got {shown(found)}"
                    )
            if loose := _loose_images(part):
                notes.append(Note("doubt", f"{_images(loose)} beside the folders of classes in {part.name} not read"))
            for name in found:
                if name not in class_names:
                    known = brief(", ".join(class_names))
                    raise DataError(f"{part}: {shown(name)} is no class of the training part ({known})")
                images = self._class_files(part / name, passed_over)
                if not images:
                    raise DataError(f"{part / name}: expected images ({', '.join(SUFFIXES)}), got none")
                nested = sum(file.parent != part / name for file in images)
                if nested:
                    notes.append(Note("doubt", f"{_images(nested)} in folders within {shown(name)}: of that class"))
                listed += [(class_names.index(name), file) for file in images]
        listed.sort(key=lambda entry: entry[0])  # stable: within a class the files of 'train' come first
        labels = np.array([label for label, _ in listed], dtype=np.int64)
        files = tuple(file for _, file in listed)
        return Listing(files, labels, class_names or (), (*notes, *_told(passed_over)))

    def _class_files(self, top: Path, passed_over: Counter[str]) -> list[Path]:
        """The images of a class, also of folders within its folder; links there may lead anywhere and are left."""
        images: list[Path] = []
        for place, names, files in os.walk(top, onerror=_raise):
            folder, real = Path(place), os.path.realpath(place)
            if real in self._seen:
                raise DataError(
                    f"{folder}: expected a folder of its own, got the same as {self._seen[real]}; remove one of the "
                    "links"
                )
            self._seen[real] = folder
            if like := [name for name in names if _is_image(name)]:
                raise DataError(f"{folder / like[0]}: expected an image, but it cannot be read: it is a folder")
            passed_over["linked folders"] += sum(os.path.islink(folder / name) for name in names)
            names[:] = sorted(name for name in names if not _is_hidden(name))
            parts = [name for name in names if name.lower() in _ROLES]
            if parts and folder == top and not self._may_nest_parts:
                raise DataError(
                    f"{folder}: expected images of one class, got a folder {shown(parts[0])} in it, as if it were a "
                    f"part; move its images to {parts[0]}/{top.name}, or set dataset.layout to 'classes' (or to "
                    "'parts') if all of them are of this class"
                )
            for name in files:
                if _is_image(name):
                    images.append(folder / name)
                elif not _is_hidden(name):
                    passed_over[os.path.splitext(name)[1].lower() or "without an ending"] += 1
        return sorted(images)


def _visible(folder: Path) -> list[str]:
    return [name for name in subfolders(folder) if not _is_hidden(name)]


def _loose_images(folder: Path) -> int:
    """How many images stand beside the folders in a folder."""
    return sum(_is_image(entry.name) and not entry.is_dir() for entry in folder.iterdir())


def _raise(error: OSError) -> None:
    raise error


def _is_hidden(name: str) -> bool:
    """Whether it is what systems leave beside files, as '._NAME.png' of macOS."""
    return name.startswith(".") or name.lower() in _OF_SYSTEMS


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not _is_hidden(name)


def _images(number: int) -> str:
    return "1 image" if number == 1 else f"{number:,} images"


def _told(passed_over: Counter[str]) -> Iterable[Note]:
    """What is no image, by the ends of names."""
    counts = {end: f"{number:,} {brief(end)}" for end, number in sorted(passed_over.items()) if number}
    images = [words for end, words in counts.items() if end in _OTHER_IMAGES]
    others = [words for end, words in counts.items() if end not in _OTHER_IMAGES]
    if images:
        yield Note("doubt", f"images passed over: {', '.join(images)}; only {', '.join(SUFFIXES)} are read")
    if others:
        yield Note("skipped", f"in folders of classes: {brief(', '.join(others))}")


def _small(whole: Listing, test: Listing, train: Listing) -> Iterable[Note]:
    """Classes of which a fifth is nothing."""
    number = len(whole.class_names)
    counts, tests, trains = (np.bincount(each.labels, minlength=number) for each in (whole, test, train))
    for label in np.flatnonzero(trains == 0):
        raise DataError(
            f"class {shown(whole.class_names[label])}: expected images to train on and to test on, got {counts[label]} "
            f"of {len(whole.files)}, none of which is left to train on; add some, or leave the class out"
        )
    missing = [f"{brief(whole.class_names[label], 30)} ({counts[label]})" for label in np.flatnonzero(tests == 0)]
    if missing:
        text = f"the test part, a fifth of {_images(len(whole.files))}, has none of {brief(', '.join(missing))}"
        yield Note("doubt", text)
