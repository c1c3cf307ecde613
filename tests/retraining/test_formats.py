"""The form that a name asks for."""

import sys
from pathlib import Path

import pytest

from metaqnn.errors import ExportError
from metaqnn.networks.export.formats import (
    ARCHITECTURE,
    FORMATS,
    KERAS,
    LITERT,
    LITERT_INT8,
    ONNX,
    SAVED_MODEL,
    format_of,
)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("model.keras", KERAS),
        ("a.b.onnx", ONNX),
        (".onnx", ONNX),
        ("folder", SAVED_MODEL),
        ("deep.er/folder/", SAVED_MODEL),
        ("model.tflite", LITERT),
        ("architecture.json", ARCHITECTURE),
    ],
)
def test_the_ending_says_which(name, form):
    assert format_of(Path(name)) is form


def test_whole_numbers_are_for_litert_alone():
    assert format_of(Path("model.tflite"), is_int8=True) is LITERT_INT8
    with pytest.raises(ExportError) as caught:
        format_of(Path("model.keras"), is_int8=True)
    assert str(caught.value) == (
        "model.keras: expected a name that ends in .tflite, as only LiteRT files are written in int8"
    )


@pytest.mark.parametrize("name", ["model.h5", "model.KERAS", "model.v2"])
def test_another_ending_is_refused(name):
    with pytest.raises(ExportError) as caught:
        format_of(Path(name))
    assert str(caught.value) == (
        f"{name}: expected a name that ends in one of .keras, .onnx, .tflite, .pt2, .json, or one without an ending "
        f"for a TensorFlow SavedModel folder, got {Path(name).suffix!r}"
    )


@pytest.mark.parametrize(
    ("name", "absent", "sentence"),
    [
        ("m.onnx", ["onnx"], "this needs the package onnx, not installed here; pip install 'metaqnn[onnx]'"),
        (
            "m.onnx",
            ["onnx", "onnxruntime"],
            "this needs the packages onnx and onnxruntime, not installed here; pip install 'metaqnn[onnx]'",
        ),
        (
            "m.tflite",
            ["ai_edge_litert"],
            "this needs the package ai_edge_litert, not installed here; pip install 'metaqnn[litert]'",
        ),
        ("m.pt2", ["torch"], "this needs the package torch, not installed here; pip install torch"),
        ("m", ["tensorflow"], "this needs the package tensorflow, not installed here; pip install tensorflow"),
    ],
)
def test_a_package_that_is_not_installed(monkeypatch, name, absent, sentence):
    for package in absent:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExportError) as caught:
        format_of(Path(name))
    assert str(caught.value) == f"{name}: {sentence}"


def test_a_snippet_is_three_lines_that_name_the_place():
    for form in FORMATS:
        lines = form.snippet(Path("it's/here")).splitlines()
        assert len(lines) == 3
        assert '"it\'s/here"' in lines[1]
        for line in lines:
            compile(line, "a line", "exec")
