"""What `conftest.py` promises to all tests."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import conftest
from importlib.util import find_spec
assert find_spec("tensorflow") is not None  # to ask whether it is there is not to import it
assert "tensorflow" not in sys.modules
import keras
keras.ops.zeros(3)
import tensorflow as tf
print(tf.config.threading.get_intra_op_parallelism_threads(), tf.config.threading.get_inter_op_parallelism_threads())
"""


def test_tensorflow_is_set_up_whoever_imports_it_and_whatever_was_asked_before():
    script = SCRIPT.format(folder=str(Path(__file__).parent))
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["1", "1"]
