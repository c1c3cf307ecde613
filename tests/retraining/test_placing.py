"""An export and what accompanies it: all of it or nothing, and nobody's file is touched."""

import pytest

from metaqnn.errors import ExportError
from metaqnn.networks.export.formats import ONNX, SAVED_MODEL
from metaqnn.networks.export.placing import companion_places, new_place, removed_on_failure, write_companions


def test_a_readme_of_somebody_else_stays(tmp_path):
    target = tmp_path / "model.onnx"
    assert companion_places(target, ONNX) == (tmp_path / "README.md", tmp_path / "model.onnx.json")
    (tmp_path / "README.md").touch()
    assert companion_places(target, ONNX) == (tmp_path / "model.onnx.README.md", tmp_path / "model.onnx.json")
    folder = tmp_path / "model"
    assert companion_places(folder, SAVED_MODEL) == (folder / "README.md", folder / "architecture.json")


@pytest.mark.parametrize("name", ["model.onnx.json", "model.onnx.README.md"])
def test_a_companion_that_exists_is_refused(tmp_path, name):
    for taken in ("README.md", name):
        (tmp_path / taken).touch()
    with pytest.raises(ExportError, match=f"{name}: expected a new name, but it exists"):
        companion_places(tmp_path / "model.onnx", ONNX)


def test_what_fails_at_the_end_leaves_no_companions(tmp_path):
    target = tmp_path / "model.onnx"

    def export_while_somebody_else_is_faster():
        with removed_on_failure() as placed, new_place(target) as part:
            part.touch()
            write_companions(part, companion_places(target, ONNX), "a card", {}, placed)
            assert [path.name for path in placed] == ["README.md", "model.onnx.json"]
            target.touch()

    with pytest.raises(ExportError, match="expected a new name, but it exists"):
        export_while_somebody_else_is_faster()
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
