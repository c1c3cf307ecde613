"""Files of `torch.export`, loaded by PyTorch alone."""

import subprocess
import sys

import pytest
from trained_networks import add_retraining, random_network, recipe_of

from metaqnn.networks.export.export import export_network

NETWORK = "[C(8,5,2), P(3,2), FC(16), SM(10)]"
CODE = """
import sys, torch
network = torch.export.load(sys.argv[1]).module()
for count in (1, 3):
    assert network(torch.zeros((count, 8, 8, 1), dtype=torch.uint8)).shape == (count, 10)
try:
    network(torch.zeros((3, 8, 8, 1)))
except RuntimeError as error:
    print(error)
assert "keras" not in sys.modules
"""


@pytest.mark.long
@pytest.mark.parametrize(("kind", "is_normalized"), [("standardize", True), ("global_contrast", False)])
def test_pytorch_predicts_what_tensorflow_does(searched, tmp_path, kind, is_normalized):
    pytest.importorskip("torch")
    network = random_network(NETWORK, (8, 8, 1), kind, is_normalized)
    add_retraining(searched, 2, network, architecture=NETWORK, recipe=recipe_of(kind, is_normalized))
    done = export_network(searched, tmp_path / "model.pt2")  # compares the two
    assert (done.agreement.images, done.agreement.turned) == (310, 0)
    command = [sys.executable, "-P", "-c", CODE, str(done.target)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "dtype mismatch! Expected: Byte" in ran.stdout
