"""The notebooks run from top to bottom in a fresh kernel, and show what they promise."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from patience import patience

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples" / "notebooks").glob("*.ipynb"))

pytestmark = pytest.mark.long


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "it is kept without outputs"
    client = NotebookClient(
        notebook, timeout=int(patience(300)), kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    kinds = {kind for output in outputs for kind in output.get("data", ())}
    assert {"text/html", "image/png"} <= kinds
    if path.stem == "study_a_search":  # that of a function may be over before its progress is drawn
        assert "application/vnd.jupyter.widget-view+json" in kinds, "the progress of the search is shown"
    assert list(tmp_path.glob("*.sqlite"))
