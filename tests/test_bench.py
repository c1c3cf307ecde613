"""The measurements of `make bench`: every way of training, at toy size."""

from dataclasses import replace

import pytest

from benchmarks import trainings
from benchmarks.measurements import Machine, measurement
from benchmarks.workloads import workload
from metaqnn.networks.data import fit_statistics, load_search_data


def test_seconds_to_the_first_step_are_what_no_epoch_explains():
    # 2 s before the epochs, and the first takes 3 s more than the fastest other.
    found = measurement(2.0 + 4.0 + 1.0 + 1.5, [4.0, 1.0, 1.5], 0.5)
    assert (found.seconds_to_first_step, found.seconds_per_epoch) == pytest.approx((5.0, 1.25))


@pytest.mark.long
@pytest.mark.parametrize("style", trainings.STYLES)
def test_every_style_trains_every_network(style, tmp_path):
    if not trainings.is_installed(style):
        pytest.skip("its package is an extra")
    work = workload("toy", tmp_path)
    work = replace(work, networks=dict(list(work.networks.items())[:2]))
    running = trainings.start(style, work, tmp_path)
    found = running.run()
    memory = running.close()
    assert len(found.measurements) == 2
    assert all(0.0 <= one.accuracy <= 1.0 and one.seconds_per_epoch > 0 for one in found.measurements)
    machine = Machine("a CPU", False, 1e7)
    row = trainings.summary(work, style, [found], memory, machine)
    # Two networks, three epochs of 64 images forward and back (three times the forward pass) and 100 forward.
    rate = row["matmul_share"] * machine.matmul_rate * found.seconds
    assert rate == pytest.approx(3 * (3 * 64 + 100) * flops(work), rel=0.01)


def flops(work):
    from metaqnn.networks.costs import describe

    return sum(describe(network, (32, 32, 3)).flops for network in work.networks.values())


@pytest.mark.long
def test_a_network_that_cannot_be_trained_is_told_and_the_next_one_trained(tmp_path):
    work = workload("toy", tmp_path)
    program = trainings.Programs("engine", work, tmp_path, threads=1)
    with pytest.raises(trainings.TrainingFailedError, match="P"):
        program.train("[P(3,2), P(3,2), P(3,2), P(3,2), P(3,2), SM(10)]", 64, 1e6)
    assert program.train("[C(2,3,1), SM(10)]", 64, 1e6).seconds > 0
    with pytest.raises(trainings.TrainingFailedError, match="not finished in time"):
        program.train("[C(2,3,1), SM(10)]", 64, 1e-6)
    program.close()


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    yield torch
    torch.set_flush_denormal(False)  # which the trainer sets for its whole process


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_tuned_pytorch_has_the_recipe_of_plain_pytorch(torch, tmp_path):
    from benchmarks.torch_training import TorchTrainer, TunedTorchTrainer

    work = workload("digits", tmp_path)
    data = load_search_data(work.dataset, 0)
    statistics = fit_statistics(work.dataset.preprocessing, data.x_train)
    accuracies = []
    for make in (TorchTrainer, TunedTorchTrainer):
        trainer = make(replace(work.training, epochs=2), data, statistics, 1, False)
        torch.manual_seed(0)
        epochs, accuracy = trainer.train("[C(16,3,1), SM(10)]")  # no dropout in one layer
        assert len(epochs) == 2
        accuracies.append(accuracy)
    # Sums come in another order, so an image or two of 300 may be on another side.
    assert accuracies[0] > 0.7
    assert accuracies[1] == pytest.approx(accuracies[0], abs=0.01)


def test_dropout_by_words_keeps_the_share_and_the_mean(torch):
    from benchmarks.torch_training import WordDropout

    torch.manual_seed(0)
    layer = WordDropout(0.3)
    images = torch.ones((16, 10, 25, 25)).to(memory_format=torch.channels_last)  # 100,000 numbers
    kept = layer(images)
    # The standard deviation of the share is 0.00145: beyond five of them once in two million.
    assert float((kept > 0).float().mean()) == pytest.approx(0.7, abs=0.0073)
    assert torch.equal(kept[kept > 0], torch.full_like(kept[kept > 0], 1.0 / 0.7))
    assert layer(torch.ones((3, 5))).shape == (3, 5)
    layer.eval()
    assert torch.equal(layer(images), images)
