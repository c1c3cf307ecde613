"""Which machines of a cluster work for a search: those whose code is the search's, and whose kind it accepts."""

import threading
from collections.abc import Mapping, Sequence

from metaqnn.errors import ClusterError
from metaqnn.workers.cluster.connection import Cluster, Resources, first_words
from metaqnn.workers.cluster.facts import MachineFacts, differences, machine_facts


class Admission:
    """Judges each machine once, and remembers its name also when it is gone.

    Args:
        cluster: connected.
        libraries: packages that compute: by their versions and its processor a machine is of a kind.
        kind: of the machine whose results these are to be compared with; None is that of the first worker.
        same_kind: whether machines of another kind are refused.

    Attributes:
        libraries: as given.
        refused: why a machine may not work here, by Ray's number of it.
    """

    def __init__(self, cluster: Cluster, libraries: Sequence[str], kind: Mapping[str, str] | None, same_kind: bool):
        self.libraries = list(libraries)
        self.refused: dict[str, str] = {}
        self._cluster = cluster
        self._here = machine_facts(libraries)
        self._kind, self._same_kind = kind, same_kind
        self._names: dict[str, str] = {}
        self._told: set[str] = set()
        self._notices: list[str] = []
        self._lock = threading.Lock()

    def require_one(self, resources: Resources) -> None:
        """Look at the machines there are.

        Raises:
            ClusterError: none of those that have room for such a worker fits.
        """
        fitting = [machine for machine in self._cluster.machines() if resources.fit_into(machine.resources)]
        facts = self._cluster.facts(fitting, self.libraries)
        if self._kind is None:
            kinds = [found.kind for found in facts.values() if isinstance(found, MachineFacts)]
            self._kind = max(kinds, key=kinds.count) if kinds else None  # of equally many the first by name
        admitted = [machine for machine in fitting if self.admit(machine.id, facts[machine.id])]
        if not admitted:
            why = " ".join(self.notices()) or "no machine has room."
            raise ClusterError(f"--cluster {self._cluster.address}: expected machines that fit this search, but {why}")

    def admit(self, machine: str, facts: MachineFacts | str) -> bool:
        """Whether a machine may work for this search; the first time it is seen, what is odd about it is told."""
        name = self.name_of(machine, facts)
        with self._lock:
            if machine in self.refused:
                return False
            problem = facts if isinstance(facts, str) else facts.why_unfit(self._here)
            if problem is None and isinstance(facts, MachineFacts):
                self._kind = self._kind or dict(facts.kind)
                other = differences(facts.kind, self._kind)
                if other and self._same_kind:
                    problem = f"it is of another kind (--same-kind): {other}"
                elif other and machine not in self._told:
                    self._told.add(machine)
                    self._notices.append(
                        f"Warning: {name} is of another kind: {other}; "
                        "rewards from there may differ in their last digits."
                    )
            if problem is None:
                return True
            self.refused[machine] = problem
            self._notices.append(f"{name} is not used: {problem}.")
            return False

    def notices(self) -> list[str]:
        """Machines that were refused since the last call, or that are of another kind."""
        with self._lock:
            told, self._notices = self._notices, []
        return told

    def name_of(self, machine: str, facts: MachineFacts | str | None = None) -> str:
        """The name of a machine; it keeps it, also when it is gone."""
        if machine not in self._names:
            self._names.update((found.id, found.name) for found in self._cluster.machines())
        host = facts.host if isinstance(facts, MachineFacts) else machine
        return self._names.setdefault(machine, host)

    def why_lost(self, machine: str, error: Exception) -> str:
        """Why an actor is gone, in one sentence.

        Args:
            machine: that it was on; empty before it had one.
            error: Ray's.
        """
        if not machine:
            return f"no actor could be made ({first_words(error)})"
        name = self.name_of(machine)
        try:
            is_there = any(found.id == machine for found in self._cluster.machines())
        except Exception:  # whatever Ray raises where nobody can tell
            is_there = True
        return f"the actor on {name} was lost" if is_there else f"the machine {name} was lost"
