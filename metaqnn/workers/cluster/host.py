"""The actor that keeps workers on a machine of the cluster, one at a time, and passes messages unread.

A worker is replaced now and then; its actor stays, since Ray takes a second or more to make another one.
"""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import ray

from metaqnn.workers.cluster.facts import MachineFacts, machine_facts
from metaqnn.workers.cluster.kept_worker import Heard, KeptWorker
from metaqnn.workers.cluster.shipment import kept_folder, unpacked
from metaqnn.workers.transport import WorkerSetup

DRIVER_SECONDS = 10.0
"""An actor that has heard nothing of the search for so long ends itself."""


@dataclass(frozen=True)
class Parcel:
    """A shipment on its way.

    Attributes:
        hash: of the shipment.
        content: where the object store keeps it; in a list, so that it is fetched only where nobody has it.
    """

    hash: str
    content: list[Any]


class WorkerHost:
    """Keeps one worker after another; ends itself when it hears nothing of the search for ten seconds.

    Each worker has a number, from 1, and what is meant for one that was replaced goes nowhere.

    Args:
        modules: what workers look for modules in, before the folders that their setups name.
        arrays: of their evaluator; None where it reads data itself.
        libraries: packages that compute, whose versions are told.
    """

    def __init__(self, modules: Parcel | None, arrays: Parcel | None, libraries: Sequence[str]):
        self._libraries = libraries
        self._modules, self._arrays = modules, arrays
        self._heard_at = time.monotonic()
        self._luggage = ExitStack()
        self._began = threading.Condition()
        self._number = 0
        self._worker: KeptWorker | None = None

    def facts(self) -> tuple[str, MachineFacts]:
        """Ray's number of this machine, and what it is; asked before anything is begun here."""
        self._heard_at = time.monotonic()
        threading.Thread(target=self._end_without_driver, daemon=True).start()
        return ray.get_runtime_context().get_node_id(), machine_facts(self._libraries)

    @ray.method(concurrency_group="keep")
    def begin(self, number: int, setup: WorkerSetup) -> None:
        """Start a worker; modules and arrays that come along are put into its setup."""
        with self._began:
            self._worker = KeptWorker(partial(self._with_luggage, setup))
            self._number = number
            self._began.notify_all()

    @ray.method(concurrency_group="take", num_returns=0)
    def take(self, number: int, message: bytes) -> None:
        """Take a message for a worker."""
        if worker := self._worker_of(number):
            worker.take(message)

    @ray.method(concurrency_group="hear")
    def hear(self, number: int, besides: int | None) -> Heard | None:
        """What a worker said since the last call, waiting a moment for the first word; None where it was replaced.

        Args:
            number: of the worker.
            besides: a thread of it that is no sign of its life.
        """
        self._heard_at = time.monotonic()
        worker = self._worker_of(number)
        heard = worker.hear(besides) if worker else None
        self._heard_at = time.monotonic()
        return heard

    @ray.method(concurrency_group="keep")
    def leave(self) -> None:
        """End the worker; another one may follow."""
        self._end_worker()

    @ray.method(concurrency_group="keep")
    def stop(self) -> None:
        """End the worker, and leave nothing behind."""
        self._clean_up()
        threading.Timer(0.1, os._exit, (0,)).start()  # when this call is answered

    def _worker_of(self, number: int) -> KeptWorker | None:
        """A worker, also one that is to begin: calls that are sent later may arrive first."""
        with self._began:
            self._began.wait_for(lambda: self._number >= number)
            return self._worker if self._number == number else None

    def _end_without_driver(self) -> None:
        while time.monotonic() - self._heard_at < DRIVER_SECONDS:
            time.sleep(0.5)
        self._clean_up()
        os._exit(0)

    def _clean_up(self) -> None:
        self._end_worker()
        self._luggage.close()

    def _end_worker(self) -> None:
        with self._began:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.end(DRIVER_SECONDS)

    def _with_luggage(self, setup: WorkerSetup) -> WorkerSetup:
        if self._modules is not None:
            setup = replace(setup, path=(str(self._modules_folder), *setup.path))
        if self._arrays is not None:
            setup = replace(setup, arrays=str(self._arrays_folder))
        return setup

    @cached_property
    def _modules_folder(self) -> Path:
        return self._fetched(cast(Parcel, self._modules))

    @cached_property
    def _arrays_folder(self) -> Path:
        return self._fetched(cast(Parcel, self._arrays))

    @cached_property
    def _folder(self) -> Path:
        return self._luggage.enter_context(kept_folder())

    def _fetched(self, parcel: Parcel) -> Path:
        return unpacked(parcel.hash, lambda: ray.get(parcel.content[0]), self._folder)


worker_host: Any = cast(Any, ray).remote(
    concurrency_groups={"keep": 1, "take": 1, "hear": 1},  # in each, calls are done one after another
    max_restarts=0,
    max_task_retries=0,
)(WorkerHost)
"""The class as Ray makes actors of it."""
