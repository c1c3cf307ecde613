"""What a machine of a cluster is: whether it can work for a search, and by what its results may differ."""

import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metaqnn.core.plugins import distribution_versions
from metaqnn.workers.environment import library_versions, processor_model
from metaqnn.workers.memory import machine_bytes


@dataclass(frozen=True)
class MachineFacts:
    """A machine, as it describes itself.

    Attributes:
        host: its name in the network.
        code: versions of Python, of this package and of others that offer plug-ins, which must be those of the search.
        kind: processor and versions of the packages that compute: scores are equal to the bit where these are.
        memory_bytes: what its processes may use.
    """

    host: str
    code: Mapping[str, str]
    kind: Mapping[str, str]
    memory_bytes: int

    def why_unfit(self, search: "MachineFacts") -> str | None:
        """Why it cannot work for a search that runs on the machine `search`, as a clause; None where it can."""
        needed = {name: self.code.get(name, "") for name in search.code}
        wrong = differences(needed, search.code)
        return f"it has {wrong}" if wrong else None


def differences(kind: Mapping[str, str], other: Mapping[str, str]) -> str:
    """In what the first differs from the second, for people; empty where in nothing."""
    return ", ".join(
        f"{name} {kind.get(name) or 'not at all'} rather than {other.get(name) or 'not at all'}"
        for name in sorted({*kind, *other})
        if kind.get(name) != other.get(name)
    )


def machine_facts(libraries: Sequence[str]) -> MachineFacts:
    """This machine, and the versions of the packages that compute; imports none of them."""
    return MachineFacts(
        socket.gethostname(),
        {"Python": f"{sys.version_info.major}.{sys.version_info.minor}", **distribution_versions()},
        {"processor": processor_model(), **library_versions(libraries)},
        machine_bytes(),
    )
