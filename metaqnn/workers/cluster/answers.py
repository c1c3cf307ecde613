"""The answers of actors: one thread takes them, and sees that the head of the cluster is there."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

from metaqnn.errors import EvaluatorError, MachineError
from metaqnn.workers.cluster.connection import Cluster, first_words

_LOOK_SECONDS = 2.0
"""Between two looks at whether the head of the cluster answers."""

_HEAD_SECONDS = 10.0
"""A head that has not answered for so long is gone; Ray itself would end this process after a minute."""


class Answers:
    """Calls back, in a thread of its own, when actors have answered.

    Args:
        cluster: connected.

    Attributes:
        news: held while what was heard is changed or read; notified when there is something to read.
    """

    def __init__(self, cluster: Cluster):
        self.news = threading.Condition()
        self._cluster = cluster
        self._failure: Exception | None = None
        self._answers: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._head_answered_at = time.monotonic()
        threading.Thread(target=self._listen, daemon=True).start()

    def when_answered(self, ref: Any, then: Callable[[Any], None]) -> None:
        """Call `then` in the listening thread with the answer, or the exception that came in its place."""

        def answered(future: Future[Any]) -> None:
            self._answers.put(lambda: then(future.exception() or future.result()))

        ref.future().add_done_callback(answered)

    def wait_for(self, is_there: Callable[[], bool], timeout: float) -> None:
        """Wait at most `timeout` seconds until something is there, which is asked while `news` is held.

        Raises:
            MachineError: the head of the cluster is gone.
            EvaluatorError: Ray failed.
        """
        with self.news:
            self.news.wait_for(lambda: self._failure or is_there(), timeout)
            if self._failure is not None:
                raise self._failure

    def close(self) -> None:
        """Listen no longer."""
        self._answers.put(None)

    def _listen(self) -> None:
        looked_at = time.monotonic()
        while True:
            try:
                answer = self._answers.get(timeout=_LOOK_SECONDS)
                if answer is None:
                    return
                answer()
            except Empty:
                pass
            except Exception as error:  # of Ray: whatever it is, the search must hear of it
                self._fail(EvaluatorError(f"--cluster {self._cluster.address}: {first_words(error)}"))
            if time.monotonic() - looked_at >= _LOOK_SECONDS:
                self._look_at_head()
                looked_at = time.monotonic()

    def _look_at_head(self) -> None:
        if self._cluster.head_answers():
            self._head_answered_at = time.monotonic()
        elif time.monotonic() - self._head_answered_at > _HEAD_SECONDS:
            self._fail(
                MachineError(
                    f"--cluster {self._cluster.address}: expected the head of the cluster to answer, but it has not "
                    f"for {_HEAD_SECONDS:.0f} s; what is in flight is kept: start the cluster again, and resume"
                )
            )

    def _fail(self, error: Exception) -> None:
        with self.news:
            self._failure = self._failure or error
            self.news.notify_all()
