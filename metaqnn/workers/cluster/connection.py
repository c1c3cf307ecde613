"""A Ray cluster that was reached: its machines, which of them can work for a search, and what they have."""

import io
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

from metaqnn.errors import ClusterError
from metaqnn.workers.cluster.facts import MachineFacts, machine_facts
from metaqnn.workers.environment import usable_cores
from metaqnn.workers.memory import GIBIBYTE

ANSWER_SECONDS = 8.0
"""An address where nothing answers within so long is refused."""

_FACTS_SECONDS = 60.0
"""A machine describes itself within so long: it may have to start Python first."""


@dataclass(frozen=True)
class Resources:
    """What one candidate needs of a machine.

    Attributes:
        cpus: cores.
        gpus: a part of one where several candidates share it.
        memory_bytes: 0 asks for none.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0

    def fit_into(self, has: Mapping[str, float]) -> int:
        """How many candidates have room on a machine with such resources of Ray's."""
        needs = {"CPU": self.cpus, "GPU": self.gpus, "memory": float(self.memory_bytes)}
        room = [has.get(name, 0.0) / need for name, need in needs.items() if need]
        return math.floor(min(room, default=1.0) + 1e-9)

    def options(self) -> dict[str, Any]:
        """As Ray takes them."""
        memory = {"memory": self.memory_bytes} if self.memory_bytes else {}
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, **memory}

    def __str__(self) -> str:
        return words({"CPU": self.cpus, "GPU": self.gpus, "memory": float(self.memory_bytes)})


@dataclass(frozen=True)
class Machine:
    """A machine of the cluster.

    Attributes:
        id: Ray's.
        name: its host's, with the beginning of the id where several have that.
        resources: what Ray may give out there.
    """

    id: str
    name: str
    resources: Mapping[str, float]


class Cluster:
    """The cluster that this process is connected to; use as a context manager.

    Args:
        address: `auto` for the one that this machine belongs to, `local` for one of this machine alone, or
            `ray://host:port` or `host:port`.

    Raises:
        ClusterError: Ray is not installed, nothing answers there, or its version is another one.
    """

    def __init__(self, address: str):
        if address.startswith("ray://"):
            _send_token()
        try:
            import ray
        except ImportError:
            raise ClusterError(
                "--cluster: expected Ray, which is not installed; install it: pip install 'metaqnn[ray]'"
            ) from None
        self.address = address
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            _require_answer(address)
            options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
            if address == "local":
                options |= {"num_cpus": usable_cores(), "include_dashboard": False}
            with _signals_kept():
                try:
                    ray.init(address=address, **options)
                except ConnectionError as error:
                    raise ClusterError(
                        f"--cluster {address}: expected a Ray cluster, but there is none that answers; start one with "
                        "`ray start --head`, or name its address"
                    ) from error
                except Exception as error:  # Ray raises what it likes
                    said = first_words(error)
                    advice = "; install the same versions here and there" if "ersion mismatch" in said else ""
                    raise ClusterError(f"--cluster {address}: {said}{advice}") from error

    def __enter__(self) -> "Cluster":
        self._stack = ExitStack()
        self._stack.callback(self._leave)
        self._stack.enter_context(redirect_stdout(cast(TextIO, _OurStdout(sys.stdout))))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _leave(self) -> None:
        """Leave the cluster, unless this process was connected before."""
        import ray

        if self._is_ours and ray.is_initialized():
            with _signals_kept(), redirect_stdout(io.StringIO()):  # it prints what it had kept back
                ray.shutdown()

    def head_answers(self) -> bool:
        """Whether something listens where the head of the cluster is."""
        import ray

        address = self.address.removeprefix("ray://")
        if not self.address.startswith("ray://"):
            address = ray.get_runtime_context().gcs_address
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), 1.0).close()
        except OSError:
            return False
        return True

    def machines(self) -> list[Machine]:
        """Those that are there now, by name."""
        import ray

        alive = [node for node in cast(Any, ray).nodes() if node["Alive"]]
        hosts = [node["NodeManagerHostname"] for node in alive]
        named = [Machine(node["NodeID"], _name(node, hosts), dict(node["Resources"])) for node in alive]
        return sorted(named, key=lambda machine: machine.name)

    def require_room(self, resources: Resources) -> int:
        """See that a candidate has room somewhere; how many have it side by side.

        Raises:
            ClusterError: none has.
        """
        machines = self.machines()
        room = sum(resources.fit_into(machine.resources) for machine in machines)
        if not room:
            there = "; ".join(f"{machine.name} {words(machine.resources)}" for machine in machines)
            raise ClusterError(
                f"--cluster {self.address}: expected a machine with {resources} for one candidate, but the cluster has "
                f"{there}; add a machine, or ask for less (search.cluster)"
            )
        return room

    def facts(self, machines: Sequence[Machine], libraries: Sequence[str]) -> dict[str, MachineFacts | str]:
        """What each machine is, by id; of one that cannot tell, why not, as a clause."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ask = ray.remote(num_cpus=0, max_retries=0)(machine_facts)
        asked: dict[str, Any] = {}
        found: dict[str, MachineFacts | str] = {}
        try:
            for machine in machines:
                there = NodeAffinitySchedulingStrategy(machine.id, soft=False)
                asked[machine.id] = ask.options(scheduling_strategy=there).remote(list(libraries))
        except Exception as error:  # by Ray's client, where the head itself does not know this package
            why = f"metaqnn cannot run there ({first_words(error, last=True)})"
            return dict.fromkeys((machine.id for machine in machines), why)
        ready, _ = ray.wait(list(asked.values()), num_returns=len(asked), timeout=_FACTS_SECONDS)
        for machine_id, ref in asked.items():
            if ref not in ready:
                found[machine_id] = f"it did not answer within {_FACTS_SECONDS:.0f} s"
                continue
            try:
                found[machine_id] = ray.get(ref)
            except Exception as error:  # whatever keeps metaqnn from running there
                found[machine_id] = f"metaqnn cannot run there ({first_words(error, last=True)})"
        return found


def words(resources: Mapping[str, float]) -> str:
    """Resources of Ray's for people: `2 CPUs, 0.5 GPU, 3.0 GiB`."""
    cpus, gpus, memory = (resources.get(name, 0.0) for name in ("CPU", "GPU", "memory"))
    told = [f"{cpus:g} CPU{'' if cpus == 1 else 's'}"]
    if gpus:
        told.append(f"{gpus:g} GPU{'s' if gpus > 1 else ''}")
    if memory:
        told.append(f"{memory / GIBIBYTE:.1f} GiB")
    return ", ".join(told)


def _name(node: Mapping[str, Any], hosts: Sequence[str]) -> str:
    host: str = node["NodeManagerHostname"]
    return host if hosts.count(host) == 1 else f"{host}-{node['NodeID'][:6]}"


def _send_token() -> None:
    """Have Ray's client send the token of this user's, where there is one: it does so only when told to."""
    named = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys()
    if named or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def _require_answer(address: str) -> None:
    """See that something listens where an address points, as Ray would wait for minutes."""
    if address in ("auto", "local"):
        return
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and host and port.isdigit() and int(port) < 65536):
        raise ClusterError(f"--cluster: expected auto, local, ray://host:port or host:port, got {address!r:.200}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except OSError as error:
        why = error.strerror or str(error) or "no answer"
        raise ClusterError(
            f"--cluster {address}: expected a Ray cluster there, but nothing answers ({why}); start one with "
            "`ray start --head`, or check host, port and firewall"
        ) from None


def first_words(error: Exception, last: bool = False) -> str:
    """What an exception of Ray's says, in one line: its text, or that's last line."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    return ((lines[-1] if last else " ".join(lines)) if lines else type(error).__name__)[:400]


class _OurStdout:
    """The standard output, without what threads of Ray's print there: the search tells of its machines itself."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, but for those threads."""
        return len(text) if threading.current_thread().name.startswith("ray_") else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray puts handlers of its own in the place of a search's."""
    if threading.current_thread() is not threading.main_thread():  # neither Ray nor anybody sets them there
        yield
        return
    names = (signal.SIGTERM, signal.SIGINT)
    before = {name: signal.getsignal(name) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            if signal.getsignal(name) is not handler:
                signal.signal(name, handler)
