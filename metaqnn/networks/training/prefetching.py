"""The next network made ready while this one trains.

Tracing a graph keeps the processor busy and leaves a GPU idle; training does the reverse. So a worker with a GPU is
told what it will probably be asked to train next, and opens that in a thread. The guess may be wrong: nothing but
time depends on it.
"""

import threading

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.training.recipe import Engine, Session


class PrefetchingEngine(Engine):
    """An engine that can open one session in advance. `prepare` may be called from another thread than `open`.

    Args:
        engine: does the work.
    """

    def __init__(self, engine: Engine):
        super().__init__(engine.data, engine.statistics, engine.mirror, engine.config, engine.use_bfloat16)
        self._engine = engine
        self._prepared: _Prepared | None = None
        self._lock = threading.Lock()

    def prepare(self, architecture: Architecture, seed: int) -> None:
        """Begin to open a network's first attempt; returns at once. What was prepared before is dropped if unused."""
        with self._lock:
            self._prepared = _Prepared(self._engine, architecture, seed, self._prepared)

    def open(self, architecture: Architecture, seed: int, attempt: int) -> Session:
        """Open a session, or hand out the prepared one."""
        with self._lock:
            prepared = self._prepared
            fits = prepared is not None and prepared.key == (architecture, seed, attempt)
            if fits:
                self._prepared = None
        session = prepared.wait() if prepared and fits else None
        return session or self._engine.open(architecture, seed, attempt)


class _Prepared:
    """A session that is being opened in a thread, which first closes the one that it takes the place of."""

    def __init__(self, engine: Engine, architecture: Architecture, seed: int, unused: "_Prepared | None"):
        self.key = architecture, seed, 1
        self._session: Session | None = None
        self._thread = threading.Thread(target=self._open, args=(engine, unused), daemon=True)
        self._thread.start()

    def wait(self) -> Session | None:
        """The session; None where it could not be opened, which the attempt itself will then find out."""
        self._thread.join()
        return self._session

    def _open(self, engine: Engine, unused: "_Prepared | None") -> None:
        earlier = unused.wait() if unused else None
        if earlier is not None:
            earlier.close()
        session = None
        try:
            session = engine.open(*self.key)
            session.make_ready()
            self._session = session
        except Exception:  # whatever a framework raises, it raises again when the network's turn comes
            if session is not None:
                session.close()
