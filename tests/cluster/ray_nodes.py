"""A real Ray cluster for tests, whose nodes are processes of this machine."""

import subprocess
import sys
from pathlib import Path


class Nodes:
    """A Ray cluster in processes of its own; `address` is that of its head, which has no processors.

    Args:
        ports: at most one, for Ray's client.
    """

    def __init__(self, *ports: str) -> None:
        program = Path(__file__).parent / "nodes_of_this_machine.py"
        self._process = subprocess.Popen(
            [sys.executable, str(program), *ports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.pid = self._process.pid
        self.address = self._answer()

    def _answer(self) -> str:
        line = self._process.stdout.readline()
        assert line, "the cluster ended"
        return line.strip()

    def do(self, what: str) -> None:
        """`add 1`, `add 1 FOLDER`, `kill`, `kill head`."""
        print(what, file=self._process.stdin, flush=True)
        self._answer()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
