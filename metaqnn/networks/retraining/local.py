"""Final trainings in this process, for small data."""

from collections.abc import Callable, Sequence

from metaqnn.networks.retraining.messages import TrainFinal
from metaqnn.networks.retraining.processes import Running, record
from metaqnn.networks.retraining.worker import train_final
from metaqnn.replay.finals import FinalMemory


class _StoppedError(BaseException):
    """Leaves a training at the end of an epoch; no Exception, which would be the network's failure."""


def train_here(
    jobs: Sequence[TrainFinal],
    memory: FinalMemory,
    stop_requested: Callable[[], bool] = lambda: False,
    on_event: Callable[[TrainFinal, object], None] = lambda job, event: None,
) -> bool:
    """Train in this process, which is left as it is, one network after another; else as `train_all`.

    A stop waits for the end of an epoch. With several threads the last digits may differ from those of a process.

    Args:
        jobs: what to train.
        memory: records it.
        stop_requested: asked after every epoch.
        on_event: told what is recorded.

    Returns:
        whether all of it ended; else a stop was requested, and the same jobs go on from their checkpoints.

    Raises:
        MetaqnnError: a network cannot be trained at all.
    """
    from metaqnn.networks.training.device import current_device

    device = current_device() if jobs else None
    for job in jobs:
        training = Running(job, None)

        def heed(message: object, training: Running = training) -> None:
            record(training, message, memory, on_event)
            if stop_requested() and not training.is_over:
                raise _StoppedError

        try:
            train_final(job, heed, device)
        except _StoppedError:
            return False
    return True
