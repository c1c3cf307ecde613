"""Image files that a table names with their labels: a CSV of paths, or a flat folder with one, as Kaggle has them."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from metaqnn.core import Dataset, Note, TargetKind
from metaqnn.errors import DataError, brief, counted, shown
from metaqnn.files import open_regular, text_lines
from metaqnn.networks.data import parts
from metaqnn.networks.data.config import FileOptions
from metaqnn.networks.data.decoding import common_form, read_images
from metaqnn.networks.data.image_files import Listing, subfolders, told
from metaqnn.networks.data.layouts import SUFFIXES
from metaqnn.networks.data.sources import ImageSplit
from metaqnn.networks.data.table_targets import TableRows, is_number, kind_of_cells, targets_of

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


class TableOfFiles(Dataset):
    """A table with a column of image files and one of labels, perhaps one that says to which part a row belongs.

    Several labels an image stand in one cell, with ';' or '|' between them, or in a column each with 1 where it holds;
    numbers stand in a column each. What they are is told by all rows, or said by `target`.

    Without such a column, a stratified fifth of the files, by their sorted names, is the test part, as of a folder.

    Args:
        path: of the table.
        options: what its columns are called.
        target: as in the section `dataset`.
    """

    def __init__(self, path: Path, options: FileOptions, target: TargetKind | None = None):
        super().__init__(options)
        self.path, self._target = path, target

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
        rows, test, columns, kind, notes = self._read()
        train = self._listing(rows, columns, kind, None, notes)
        if kind != "classes":
            self._require_rows(train, test)
        if test is None:
            tests, trains = train.divided()
            return trains, tests
        return train, self._listing(test, columns, kind, train.class_names, ())

    def _read(self) -> tuple[TableRows, TableRows | None, tuple[str, ...], TargetKind, tuple[Note, ...]]:
        """The rows of both parts (None where the table has one), the columns of targets, and what these are."""
        try:
            with open_regular(self.path) as file:
                lines = list(text_lines(file))
            text = "".join(lines[:20])
            marks = {mark: lines[0].count(mark) for mark in ("\t", ";", ",")} if lines else {}
            mark = max(marks, key=lambda each: marks[each]) if text.strip() else ","
            reader = csv.reader(lines, delimiter=mark)
            table = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{self.path}: expected a table in UTF-8 with commas, but {error}") from error
        if len(table) < 2:
            raise DataError(f"{self.path}: expected column names and one line an image, got {len(table)} lines")
        header = [cell.strip() for cell in table.pop(0)[1]]
        for line, row in table:
            if len(row) != len(header):
                raise DataError(f"{self.path}: line {line}: expected {counted(len(header), 'value')}, got {len(row)}")
        image, labels, split = self._columns(header, [row for _, row in table])

        def part_of(name: str | None) -> TableRows:
            rows = [(line, row) for line, row in table if split is None or row[split].strip() == name]
            return TableRows(
                tuple(row[image].strip() for _, row in rows),
                tuple(tuple(row[label].strip() for label in labels) for _, row in rows),
                tuple(line for line, _ in rows),
            )

        columns = tuple(header[label] for label in labels)
        train, tests, notes = part_of(self.options.train_split), None, tuple[Note, ...]()
        if split is not None:
            found = {row[split].strip(): None for _, row in table}
            test = parts.test_name(found, self.options, f"{self.path}: column {header[split]}")
            notes, tests = parts.unused(found, self.options, test), part_of(test) if test else None
        kind = self._target or kind_of_cells(columns, train, str(self.path))
        if kind == "classes" and len(columns) > 1:
            raise DataError(
                f"{self.path}: expected one column of classes, got {brief(', '.join(columns))}; name it in "
                "dataset.label_column"
            )
        return train, tests, columns, kind, notes

    def _columns(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int, tuple[int, ...], int | None]:
        """The numbers of the columns of files, of targets and of parts."""
        lower = [name.lower() for name in header]

        def known(name: str, key: str) -> int:
            if name not in header:
                raise DataError(
                    f"{self.path}: dataset.{key}: there is no column {shown(name)} among {brief(', '.join(header))}"
                )
            return header.index(name)

        def place(said: str | None, usual: Sequence[str], key: str, others: Sequence[int]) -> int | None:
            if said is not None:
                return known(said, key)
            found = (lower.index(name) for name in usual if name in lower)
            return next((place for place in found if place not in others), None)

        options = self.options
        if options.label_columns is not None:
            labels = tuple(known(name, "label_columns") for name in options.label_columns)
        else:
            label = place(options.label_column, _LABELS, "label_column", ())
            labels = () if label is None else (label,)
        image = place(options.image_column, _IMAGES, "image_column", labels)
        if len(header) == 2:  # whatever the other one is called
            if image is not None and not labels:
                labels = (1 - image,)
            elif len(labels) == 1 and image is None:
                image = 1 - labels[0]
        if image is None:
            raise self._unclear("image_column", header)
        split = place(options.split_column, _SPLITS, "split_column", [image, *labels])
        if not labels:
            labels = tuple(number for number in range(len(header)) if number not in (image, split))
            if len(labels) < 2 or not (self._target or all(is_number(row[label]) for row in rows for label in labels)):
                raise self._unclear("label_column", header)
        return image, labels, split

    def _unclear(self, key: str, header: Sequence[str]) -> DataError:
        return DataError(
            f"{self.path}: expected a column of {key.partition('_')[0]}s, which is none of "
            f"{brief(', '.join(header))} for certain; set dataset.{key} to one of them"
        )

    def _listing(
        self,
        rows: TableRows,
        columns: Sequence[str],
        kind: TargetKind,
        names: tuple[str, ...] | None,
        notes: tuple[Note, ...],
    ) -> Listing:
        """The files of some rows, sorted by class and name, so that the order of the table decides nothing."""
        targets, names = targets_of(kind, columns, rows, names, str(self.path))
        files = self._files(rows)
        first: dict[Path, int] = {}
        for file, line, name in zip(files, rows.lines, rows.names, strict=True):
            if file in first:
                raise DataError(
                    f"{self.path}: line {line}: expected each image once, got {shown(name)} a second time, after line "
                    f"{first[file]}; leave one row of each"
                )
            first[file] = line
        of_class = targets.tolist() if kind == "classes" else [0] * len(files)
        order = sorted(range(len(files)), key=lambda row: (of_class[row], rows.names[row]))
        return Listing(tuple(files[row] for row in order), targets[order], names, notes)

    def _require_rows(self, train: Listing, test: TableRows | None) -> None:
        """Refuse an image that no row names: that it has no label is said by a row that has none."""
        listed = {file.resolve() for file in (*train.files, *(self._files(test) if test else ()))}
        for folder in sorted({file.parent for file in train.files}):
            for file in sorted(folder.iterdir()):
                if file.suffix.lower() in SUFFIXES and file.resolve() not in listed and file.is_file():
                    raise DataError(
                        f"{self.path}: expected a row for every image, got none for {file}; add one, or move the image "
                        "away"
                    )

    def _files(self, rows: TableRows) -> list[Path]:
        """The file of each row: beside the table or in a folder beside it, with its ending or without."""
        top, names = self.path.parent, rows.names
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
        for name, line in zip(names, rows.lines, strict=True):
            file = place / name if (place / name).is_file() else stems.get(name)
            if file is None:
                raise DataError(f"{self.path}: line {line}: expected an image for each row, got no file {place / name}")
            files.append(file)
        return files


def _found(folder: Path, name: str) -> Path | None:
    if (folder / name).is_file():
        return folder / name
    return next(iter(sorted(folder.glob(f"{_escaped(name)}.*"))), None) if folder.is_dir() and name else None


def _escaped(name: str) -> str:
    import glob

    return glob.escape(name)
