"""Image files that a table names with their labels: a CSV of paths, or a flat folder with one, as Kaggle has them."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from metaqnn.core import Dataset, Note
from metaqnn.errors import DataError, brief, counted, shown
from metaqnn.files import open_regular, text_lines
from metaqnn.networks.data import parts
from metaqnn.networks.data.arrays import as_labels
from metaqnn.networks.data.config import FileOptions
from metaqnn.networks.data.decoding import common_form, read_images
from metaqnn.networks.data.image_files import Listing, subfolders, told
from metaqnn.networks.data.sources import ImageSplit

ENDINGS = (".csv", ".tsv")
_TABLES = ("labels.csv", "train_labels.csv", "trainlabels.csv", "train.csv", "metadata.csv")
_IMAGES = (
    *("image", "file", "filename", "file_name", "path", "filepath", "file_path", "image_path", "image_name"),
    *("image_id", "imageid", "img", "id"),
)
_LABELS = ("label", "labels", "class", "target", "category", "class_name", "breed", "species", "diagnosis", "y")
_SPLITS = ("split", "set", "subset", "part", "partition", "fold_name")
_NO_CLASSES = ("train", "test", "val", "valid", "validation", "images", "train_images", "test_images", "img")
_FOLDERS = ("", "train", "images", "train_images", "img")


def table_of(folder: Path) -> Path | None:
    """The table of labels in a folder whose images are not sorted by class; None where there is none."""
    if not os.path.isdir(folder) or subfolders(folder / "train"):
        return None
    if len([name for name in subfolders(folder) if name.lower() not in _NO_CLASSES]) > 1:
        return None
    names = {entry.name.lower(): entry for entry in folder.iterdir() if entry.is_file()}
    return next((names[name] for name in _TABLES if name in names), None)


@dataclass(frozen=True)
class _Rows:
    """The rows of a table that belong to one part: names of files with their labels."""

    names: list[str]
    labels: list[str]


class TableOfFiles(Dataset):
    """A table with a column of image files and one of labels, perhaps one that says to which part a row belongs.

    Without such a column, a stratified fifth of the files, by their sorted names, is the test part, as of a folder.

    Args:
        path: of the table.
        options: what its columns are called.
    """

    def __init__(self, path: Path, options: FileOptions):
        super().__init__(options)
        self.path = path

    def train(self) -> ImageSplit:
        """The training images; no test image is opened."""
        with told(self.path):
            train = self._listings()[0]
            return read_images(train, common_form(train.files, None), None)

    def test(self) -> ImageSplit:
        """The test images, in the size and the channels of the training images."""
        with told(self.path):
            train, test = self._listings()
            form = common_form(train.files, None)
            common_form((train.files[0], *test.files), None)
            return read_images(test, form, None)

    def location(self) -> str:
        """The path of the table."""
        return str(self.path)

    def available(self) -> bool:
        """Whether the table exists."""
        return os.path.isfile(self.path)

    def _listings(self) -> tuple[Listing, Listing]:
        rows, test, notes = self._read()
        train, class_names = self._listing(rows, None, notes)
        if test is None:
            tests, trains = train.divided()
            return trains, tests
        return train, self._listing(test, class_names, ())[0]

    def _read(self) -> tuple[_Rows, _Rows | None, tuple[Note, ...]]:
        """The rows of both parts; None where the table has one part."""
        try:
            with open_regular(self.path) as file:
                lines = list(text_lines(file))
            text = "".join(lines[:20])
            marks = {mark: lines[0].count(mark) for mark in ("\t", ";", ",")} if lines else {}
            mark = max(marks, key=lambda each: marks[each]) if text.strip() else ","
            table = [row for row in csv.reader(lines, delimiter=mark) if any(cell.strip() for cell in row)]
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{self.path}: expected a table in UTF-8 with commas, but {error}") from error
        if len(table) < 2:
            raise DataError(f"{self.path}: expected column names and one line an image, got {len(table)} lines")
        header = [cell.strip() for cell in table[0]]
        image, label, split = self._columns(header)
        for number, row in enumerate(islice(table, 1, None), 2):
            if len(row) != len(header):
                raise DataError(f"{self.path}: row {number}: expected {counted(len(header), 'value')}, got {len(row)}")
        if split is None:
            return self._rows(table[1:], image, label), None, ()
        found = {row[split].strip(): None for row in table[1:]}
        test = parts.test_name(found, self.options, f"{self.path}: column {header[split]}")
        train = [row for row in table[1:] if row[split].strip() == self.options.train_split]
        tests = [row for row in table[1:] if row[split].strip() == test] if test else None
        notes = parts.unused(found, self.options, test)
        return self._rows(train, image, label), self._rows(tests, image, label) if tests else None, notes

    def _rows(self, rows: Sequence[Sequence[str]], image: int, label: int) -> _Rows:
        return _Rows([row[image].strip() for row in rows], [row[label].strip() for row in rows])

    def _columns(self, header: Sequence[str]) -> tuple[int, int, int | None]:
        """The numbers of the columns of files, of labels and of parts."""
        lower = [name.lower() for name in header]

        def place(said: str | None, usual: Sequence[str], key: str, others: Sequence[int]) -> int | None:
            if said is not None:
                if said not in header:
                    raise DataError(
                        f"{self.path}: dataset.{key}: there is no column {shown(said)} among {brief(', '.join(header))}"
                    )
                return header.index(said)
            found = (lower.index(name) for name in usual if name in lower)
            return next((place for place in found if place not in others), None)

        options = self.options
        label = place(options.label_column, _LABELS, "label_column", ())
        image = place(options.image_column, _IMAGES, "image_column", [] if label is None else [label])
        if len(header) == 2:  # whatever the other one is called
            if image is not None and label is None:
                label = 1 - image
            elif label is not None and image is None:
                image = 1 - label
        for key, found in (("image_column", image), ("label_column", label)):
            if found is None:
                raise DataError(
                    f"{self.path}: expected a column of {key.partition('_')[0]}s, which is none of "
                    f"{brief(', '.join(header))} for certain; set dataset.{key} to one of them"
                )
        split = place(options.split_column, _SPLITS, "split_column", [image or 0, label or 0])
        return image or 0, label or 0, split

    def _listing(
        self, rows: _Rows, class_names: tuple[str, ...] | None, notes: tuple[Note, ...]
    ) -> tuple[Listing, tuple[str, ...]]:
        """The files of some rows, sorted by class and name, so that the order of the table decides nothing."""
        empty = next((name for name, label in zip(rows.names, rows.labels, strict=True) if not label), None)
        if empty is not None:
            raise DataError(f"{self.path}: expected a label for each image, got none for {shown(empty)}")
        names = class_names or _sorted_classes(rows.labels)
        labels, names = as_labels(np.array(rows.labels, dtype=str), names, f"{self.path}: labels")
        files = self._files(rows.names)
        order = sorted(range(len(files)), key=lambda row: (labels[row], rows.names[row]))
        twice = len(files) - len(set(files))
        if twice:
            raise DataError(f"{self.path}: expected each image once, got {twice} a second time; leave one row of each")
        return Listing(tuple(files[row] for row in order), labels[order], names, notes), names

    def _files(self, names: Sequence[str]) -> list[Path]:
        """The file of each row: beside the table or in a folder beside it, with its ending or without."""
        top = self.path.parent
        for folder in (*_FOLDERS, self.path.stem):
            found = _found(top / folder, names[0])
            if found is not None:
                break
        else:
            raise DataError(
                f"{self.path}: expected the image {shown(names[0])} beside it or in {'/, '.join(_FOLDERS[1:])}/, got "
                "none; write paths from the folder of the table on, or set dataset.image_column"
            )
        place = top / folder
        stems = {entry.stem: entry for entry in sorted(place.iterdir()) if entry.is_file()} if place.is_dir() else {}
        files = []
        for name in names:
            file = place / name if (place / name).is_file() else stems.get(name)
            if file is None:
                raise DataError(f"{self.path}: expected an image for each row, got no file {place / name}")
            files.append(file)
        return files


def _found(folder: Path, name: str) -> Path | None:
    if (folder / name).is_file():
        return folder / name
    return next(iter(sorted(folder.glob(f"{_escaped(name)}.*"))), None) if folder.is_dir() and name else None


def _escaped(name: str) -> str:
    import glob

    return glob.escape(name)


def _sorted_classes(labels: Sequence[str]) -> tuple[str, ...]:
    """The classes in order: numbers by their size, texts by their letters."""
    found = set(labels)
    if all(label.isdecimal() for label in found):
        return tuple(sorted(found, key=lambda label: (int(label), label)))
    return tuple(sorted(found))
