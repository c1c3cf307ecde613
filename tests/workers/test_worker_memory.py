"""How much memory there is."""

import os
from pathlib import Path

import psutil
import pytest

from metaqnn.workers import memory
from metaqnn.workers.memory import GIBIBYTE, gpu_bytes, machine_bytes


def test_the_machine_s_memory_is_plausible():
    assert GIBIBYTE / 4 < machine_bytes() <= psutil.virtual_memory().total
    assert psutil.Process().memory_info().rss < machine_bytes()


@pytest.mark.parametrize(("written", "limit"), [("2147483648\n", 2 * GIBIBYTE), ("max\n", None), (None, None)])
def test_a_container_may_have_less(monkeypatch, tmp_path, written, limit):
    place = tmp_path / "memory.max"
    if written:
        place.write_text(written)
    monkeypatch.setattr(memory, "_CGROUP_LIMITS", (str(tmp_path / "absent"), str(place)))
    total = psutil.virtual_memory().total
    assert machine_bytes() == (total if limit is None else min(limit, total))


@pytest.fixture
def nvidia_smi(monkeypatch, tmp_path):
    """A program of that name in front of all others, which notes how it was called."""

    def install(script: str) -> Path:
        program = tmp_path / "nvidia-smi"
        program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        return tmp_path / "called"

    return install


@pytest.mark.parametrize(("gpu", "asked"), [(None, "--id 0"), ("3", "--id 3"), ("GPU-8f6b", "--id GPU-8f6b")])
def test_the_memory_of_a_gpu_is_what_its_driver_says(nvidia_smi, gpu, asked):
    called = nvidia_smi("echo 81559")
    assert gpu_bytes(gpu) == 81559 * 2**20
    words = called.read_text().strip()
    assert words.endswith(asked)
    assert "--query-gpu=memory.total --format=csv,noheader,nounits" in words


@pytest.mark.parametrize("script", ["echo No devices were found; exit 6", "echo '[N/A]'", "true", "exit 9"])
def test_a_driver_that_does_not_tell(nvidia_smi, script):
    nvidia_smi(script)
    assert gpu_bytes("0") is None


def test_without_a_driver_nobody_tells(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_bytes(None) is None
