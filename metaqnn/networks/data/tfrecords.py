"""TFRecord files of `tf.train.Example`, read without TensorFlow, as the search's process does not import it."""

import gzip
import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from metaqnn.core import Dataset, Note
from metaqnn.errors import DataError, brief, shown
from metaqnn.files import open_regular
from metaqnn.networks.data import parts
from metaqnn.networks.data.config import FileOptions
from metaqnn.networks.data.decoding import decoded
from metaqnn.networks.data.image_files import told
from metaqnn.networks.data.sources import ImageSplit
from metaqnn.networks.data.splits_in_memory import image_split, set_apart

_NAME = re.compile(r"\.tfrecords?([-.].*)?$", re.IGNORECASE)
_ENCODED = ("image/encoded", "image", "image_encoded", "encoded", "jpg", "png")
_RAW = ("image/raw", "image_raw", "raw_image", "image")
_LABELS = ("image/class/text", "image/class/label", "label", "image/label", "class", "label/text")
_SIZES = (("image/height", "height"), ("image/width", "width"), ("image/channels", "channels", "depth"))
_WORDS = ("train", "test", "validation", "valid", "val", "eval", "dev")
_MOST_BYTES = 2**31
"""Of a record: what a protocol buffer holds."""


def is_tfrecord(path: Path) -> bool:
    """Whether a path is a TFRecord file by its name, or a folder that holds some."""
    return bool(_NAME.search(path.name)) or (os.path.isdir(path) and bool(_shards(path)))


def _shards(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if _NAME.search(entry.name) and entry.is_file())


class TFRecords(Dataset):
    """A TFRecord file, or a folder of shards; 'train' or 'test' in the name of a file says to which part it belongs.

    Each example has an encoded image (`image/encoded`) or raw bytes (`image/raw` with its height, width and channels),
    and a label. Without names that say so, a stratified fifth is the test part.

    Args:
        path: of the file or the folder.
        options: what features and parts are called.
    """

    def __init__(self, path: Path, options: FileOptions):
        super().__init__(options)
        self.path = path

    def train(self) -> ImageSplit:
        """The examples of the training part."""
        with told(self.path):
            train, test, notes = self._parts()
            split = image_split(self._pairs(train), f"{self.path}: training part", None, (*notes, *_unchecked()))
            return split if test else set_apart(split)[1]

    def test(self) -> ImageSplit:
        """The examples of the test part."""
        with told(self.path):
            train, test, _ = self._parts()
            split = image_split(self._pairs(train), f"{self.path}: training part", None)
            if not test:
                return set_apart(split)[0]
            return image_split(self._pairs(test), f"{self.path}: test part", split.class_names)

    def location(self) -> str:
        """The path of the file or the folder."""
        return str(self.path)

    def available(self) -> bool:
        """Whether it exists."""
        return os.path.exists(self.path)

    def _parts(self) -> tuple[list[Path], list[Path], tuple[Any, ...]]:
        files = _shards(self.path) if os.path.isdir(self.path) else [self.path]
        words = [word for word in (self.options.train_split, self.options.test_split) if word]
        named: dict[str, list[Path]] = {}
        for file in files:
            found = re.split(r"[^a-z0-9]+", file.name.lower())
            named.setdefault(next((word for word in (*words, *_WORDS) if word.lower() in found), ""), []).append(file)
        if set(named) <= {""} or set(named) == {self.options.train_split}:
            return files, [], ()
        test = parts.test_name(named, self.options, str(self.path))
        return named[self.options.train_split], named[test] if test else [], parts.unused(named, self.options, test)

    def _pairs(self, files: Sequence[Path]) -> Iterator[tuple[Any, Any]]:
        for file in files:
            for number, content in enumerate(_records(file)):
                where = f"{file}: record {number}"
                features = _features(content, where)
                label = _named(features, self.options.label_column, _LABELS, "label_column", where)
                yield self._image(features, where), _text(features[label][0])

    def _image(self, features: Mapping[str, Sequence[Any]], where: str) -> Any:
        name = _named(features, self.options.image_column, (*_ENCODED, *_RAW), "image_column", where)
        content = features[name][0]
        if not isinstance(content, bytes):
            values = np.asarray(features[name])
            return values.reshape(self._shape(features, len(values), where))
        shape = self.options.image_shape or _stored_shape(features)
        if shape is not None and len(content) == int(np.prod(shape)):
            return np.frombuffer(content, np.uint8).reshape(shape)
        if name in _RAW and name not in _ENCODED:
            self._shape(features, len(content), where)
        return decoded(content, where)

    def _shape(self, features: Mapping[str, Sequence[Any]], size: int, where: str) -> tuple[int, ...]:
        shape = self.options.image_shape or _stored_shape(features)
        if shape is None or int(np.prod(shape)) != size:
            raise DataError(
                f"{where}: expected {size} values to be height x width x channels, got "
                f"{'no such features' if shape is None else 'x'.join(map(str, shape))}; set dataset.image_shape"
            )
        return tuple(shape)


def _text(label: Any) -> Any:
    return label.decode("utf-8", "replace") if isinstance(label, bytes) else label


def _stored_shape(features: Mapping[str, Sequence[Any]]) -> tuple[int, ...] | None:
    sizes = [next((features[name][0] for name in names if features.get(name)), None) for names in _SIZES]
    if not isinstance(sizes[0], int) or not isinstance(sizes[1], int):
        return None
    return sizes[0], sizes[1], sizes[2] if isinstance(sizes[2], int) else 1


def _named(features: Mapping[str, Sequence[Any]], said: str | None, usual: Sequence[str], key: str, where: str) -> str:
    """The feature that holds the image, or the label."""
    found = [name for name in ([said] if said else usual) if features.get(name)]
    if not found:
        got = brief(", ".join(sorted(features))) or "none"
        expected = f"a feature {shown(said)}" if said else f"a feature such as {usual[0]}"
        raise DataError(f"{where}: expected {expected}, got {got}; set dataset.{key} to one of them")
    return found[0]


def _records(path: Path) -> Iterator[bytes]:
    """The records of a file, which may be packed by gzip; each has a check sum of its length and one of its content."""
    with open_regular(path) as plain:
        is_packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        file: Any = gzip.GzipFile(fileobj=plain) if is_packed else plain
        try:
            number = 0
            while head := file.read(12):
                yield _record(file, head, f"{path}: record {number}")
                number += 1
        except DataError:
            raise
        except (EOFError, gzip.BadGzipFile, struct.error, ValueError, OverflowError) as error:
            raise DataError(f"{path}: expected a whole TFRecord file, but it is cut off or damaged") from error


def _record(file: BinaryIO, head: bytes, where: str) -> bytes:
    (size,) = struct.unpack_from("<Q", head)
    _require_sum(head[:8], head[8:], where)
    content = file.read(size) if size < _MOST_BYTES else b""
    if len(content) != size or len(end := file.read(4)) != 4:
        raise ValueError
    _require_sum(content, end, where)
    return content


def _require_sum(content: bytes, stored: bytes, where: str) -> None:
    """See that bytes fit their masked CRC-32C (tensorflow/core/lib/hash/crc32c.h), where a package can compute it."""
    if (checksum := _checksum()) is not None and len(stored) == 4:
        found = checksum(content)
        masked = ((found >> 15 | found << 17) + 0xA282EAD8) & 0xFFFFFFFF
        if masked != struct.unpack("<I", stored)[0]:
            raise DataError(f"{where}: its check sum is not that of its content: the file is damaged; get it anew")


@cache
def _checksum() -> Callable[[bytes], int] | None:
    try:
        from google_crc32c import value
    except ImportError:
        return None
    checksum: Callable[[bytes], int] = value
    return checksum


def _unchecked() -> tuple[Note, ...]:
    """What should be known where check sums cannot be looked at."""
    text = "check sums of records were not looked at: pip install 'metaqnn[tfrecord]' for that"
    return () if _checksum() is not None else (Note("skipped", text),)


def _features(content: bytes, where: str) -> dict[str, list[Any]]:
    """The features of an example by name."""
    from google.protobuf.message import DecodeError

    try:
        example = _example_class().FromString(content)
    except DecodeError as error:
        raise DataError(f"{where}: expected a tf.train.Example, got other data") from error
    features = example.features.feature
    kinds = {name: each.WhichOneof("kind") for name, each in features.items()}
    return {name: list(getattr(features[name], kind).value) for name, kind in kinds.items() if kind}


@cache
def _example_class() -> Any:
    """The message `tf.train.Example` (tensorflow/core/example/{example,feature}.proto), made without TensorFlow."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="metaqnn/example.proto", package="metaqnn.example", syntax="proto3")

    def message(name: str, *fields: tuple[str, int, int, str | None, bool], inside: Any = None) -> Any:
        made = file.message_type.add(name=name) if inside is None else inside.nested_type.add(name=name)
        for field, number, of, of_name, is_list in fields:
            label = kind.LABEL_REPEATED if is_list else kind.LABEL_OPTIONAL
            made.field.add(name=field, number=number, type=of, type_name=of_name, label=label)
        return made

    message("BytesList", ("value", 1, kind.TYPE_BYTES, None, True))
    message("FloatList", ("value", 1, kind.TYPE_FLOAT, None, True))
    message("Int64List", ("value", 1, kind.TYPE_INT64, None, True))
    lists = ("bytes_list", "BytesList"), ("float_list", "FloatList"), ("int64_list", "Int64List")
    of = ".metaqnn.example."
    feature = message(
        "Feature",
        *((name, number, kind.TYPE_MESSAGE, of + kept, False) for number, (name, kept) in enumerate(lists, 1)),
    )
    feature.oneof_decl.add(name="kind")
    for field in feature.field:
        field.oneof_index = 0
    features = message("Features", ("feature", 1, kind.TYPE_MESSAGE, of + "Features.FeatureEntry", True))
    entry = message(
        "FeatureEntry",
        ("key", 1, kind.TYPE_STRING, None, False),
        ("value", 2, kind.TYPE_MESSAGE, of + "Feature", False),
        inside=features,
    )
    entry.options.map_entry = True
    message("Example", ("features", 1, kind.TYPE_MESSAGE, of + "Features", False))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("metaqnn.example.Example"))
