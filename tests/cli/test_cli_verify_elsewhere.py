"""A search is verified to the bit where NumPy has other instructions, BLAS other kernels and both other threads."""

import os
import subprocess
import sys

import numpy as np
import pytest

EXPERIMENT = """
name: peaks
seed: 4
space: {name: chain, choices: [4, 4, 4, 4, 4, 4]}
evaluator: {name: function, function: "peaks:peaks"}
search: {models: 60, lookahead: 2}
strategy: %s
"""

FUNCTION = """
def peaks(architecture):
    from zlib import crc32
    return sum(crc32(f"{n}{c}".encode()) % 97 for n, c in enumerate(architecture)) / 97 / len(architecture)
"""


def run(folder, *words, **variables):
    return subprocess.run(
        [sys.executable, "-m", "metaqnn", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("strategy", ["{name: q_learning}", "{name: gaussian_process}", "{name: linear_ucb}"])
def test_proposals_hang_on_no_library_of_mathematics(strategy, tmp_path):
    (tmp_path / "peaks.yaml").write_text(EXPERIMENT % strategy, encoding="utf-8")
    (tmp_path / "peaks.py").write_text(FUNCTION, encoding="utf-8")
    searched = run(tmp_path, "search", "peaks.yaml", "--db", "peaks.sqlite", "--quiet", OPENBLAS_NUM_THREADS="2")
    assert searched.returncode == 0, searched.stderr
    core = np._core._multiarray_umath
    plain = " ".join(feature for feature in core.__cpu_dispatch__ if core.__cpu_features__[feature])
    verified = run(
        tmp_path,
        *("replay", "verify", "peaks.sqlite"),
        NPY_DISABLE_CPU_FEATURES=plain,
        OPENBLAS_CORETYPE="Prescott",
        OPENBLAS_NUM_THREADS="1",
        OMP_NUM_THREADS="1",
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.startswith("peaks.sqlite: verified.")
