"""The measurement on a GPU: what it makes of figures, and all of it at toy size."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import steps_within
from benchmarks.projection import Row, conclusions, ratio_of_sums, search_hours
from benchmarks.workloads import NETWORKS, workload
from metaqnn.networks.costs import describe

TOP = Path(__file__).parents[1]


def run(*arguments, **environment):
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    done = subprocess.run(
        command,
        cwd=TOP,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def row(network, style, first, epoch):
    return Row(network, "[SM(10)]", 1_000, style, 8, first, epoch)


def test_candidates_that_all_take_as_long_leave_nothing_uncertain():
    hours = search_hours([48.0] * 30)  # 2,700 times 48 s are 36 hours
    assert (hours.value, hours.low, hours.high) == pytest.approx((36.0, 36.0, 36.0))


def test_the_interval_of_the_hours_lies_where_the_mean_of_a_sample_does():
    hours = search_hours([0.0, 96.0] * 50)
    assert hours.value == pytest.approx(36.0)
    # The mean of 100 such values has a standard error of a tenth of itself: 1.96 of them are 7.06 hours. Two thousand
    # resamples know a percentile to about a twentieth of that.
    assert hours.low == pytest.approx(36.0 - 7.06, abs=1.0)
    assert hours.high == pytest.approx(36.0 + 7.06, abs=1.0)


def test_a_ratio_that_holds_for_every_network_is_certain():
    ratio = ratio_of_sums([2.0, 20.0, 200.0], [1.0, 10.0, 100.0])
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2.0, 2.0, 2.0))


def test_an_epoch_has_the_steps_that_take_as_long_as_asked():
    # A step of 128 images of 1 GFLOP takes 3 * 128 GFLOP, at 100 TFLOP/s 3.84 ms: 130 of them in half a second.
    assert steps_within(0.5, 10**9, 128, 1e14, 352) == 130
    assert steps_within(0.5, 10**7, 128, 1e14, 352) == 352
    assert steps_within(0.5, 10**12, 128, 1e14, 352) == 4


def test_the_conclusion_is_drawn_from_networks_at_random_and_compares_pairs():
    rows = [row("net1", "engine", 100.0, 100.0), row("net1", "pytorch", 200.0, 200.0)]
    rows += [row("random1", "engine", 8.0, 2.0), row("random1", "pytorch", 16.0, 4.0)]
    rows += [row("random2", "engine", 8.0, 2.0)]  # PyTorch could not
    text = "\n".join(conclusions(rows, ["engine", "pytorch"]))
    assert "engine, 2 at random: median 8.00 s to first step, 2.000 s an epoch" in text
    assert "one after another: 36.0 hours" in text
    assert "one after another: 72.0 hours" in text
    assert "engine is 2.00 times as fast as pytorch (2.00 to 2.00; n = 2)" in text


def test_the_networks_are_those_of_the_paper_and_of_its_space(tmp_path):
    networks = workload("toy", tmp_path).networks
    assert list(networks)[:5] == list(NETWORKS)
    assert networks["net5"] == "[C(2,3,1), C(4,3,1), P(5,3), C(8,3,1), P(3,2), FC(16), FC(4), SM(10)]"
    # Table A2's counts follow another size rule for pools (tests/space/test_published_networks.py); by ours:
    millions = [describe(network, (32, 32, 3)).parameters / 1e6 for network in NETWORKS.values()]
    assert millions == pytest.approx([11.310, 2.219, 2.466, 1.138, 2.535], abs=0.001)


def test_a_machine_without_a_gpu_is_told_what_to_do():
    code, _, said = run()
    assert code == 1
    assert "expected a GPU, but here is CPU" in said
    assert "--toy" in said


def test_all_of_it_at_toy_size(tmp_path):
    code, printed, said = run("--toy", "--out", str(tmp_path))
    assert code == 0, said
    assert all(len(line) <= 80 for line in printed.splitlines() if not line.startswith(("/", "pytorch tuned is left")))
    assert "2,700 networks of 20 epochs" in printed
    assert "left out in" not in printed
    with (tmp_path / "gpu.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["style"] == "engine"]
    assert [row["network"] for row in rows] == [*NETWORKS, *(f"random{number}" for number in range(1, 4))]
    for found in rows:
        seconds = float(found["seconds_to_first_step"]) + 20 * float(found["seconds_per_epoch"])
        assert float(found["candidate_seconds"]) == pytest.approx(seconds)
        assert seconds > 0


@pytest.mark.long
def test_what_there_is_no_time_for_is_said(tmp_path):
    code, printed, said = run("--toy", "--out", str(tmp_path), "--seconds", "1")
    assert code == 0, said
    assert "left out in 1 s: 8 of 8 networks (net1 to random3)" in printed
    assert not (tmp_path / "gpu.csv").exists()
