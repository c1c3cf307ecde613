"""Whether a search survives: `python -m benchmarks.kills worker` (or `search`) kills processes of a real one at random.

An undisturbed search of digits runs first. A second one has random workers, or itself, killed with SIGKILL at random
instants; a killed search is started again. At the end every row of the two databases is compared, times and devices
left out, and `metaqnn replay verify` has its say. Run from the top of a checkout.
"""

import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psutil

from tests.databases import contents


class Victim:
    """A search as a process of its own, started again whenever it was killed."""

    def __init__(self, database: Path, models: int):
        self.command = [
            *(sys.executable, "-m", "metaqnn", "search", "digits", "--models", str(models), "--db", str(database)),
        ]
        self.process = self._start()

    def _start(self) -> psutil.Popen:
        return psutil.Popen(self.command, stdout=subprocess.DEVNULL, stderr=sys.stderr)

    def is_over(self) -> bool:
        """Whether it ended by itself."""
        return self.process.poll() is not None

    def workers(self) -> list[psutil.Process]:
        """Its worker processes."""
        return self.process.children() if not self.is_over() else []

    def kill_a_worker(self, draw: random.Random) -> bool:
        """Kill one; whether there was one."""
        workers = self.workers()
        if workers:
            draw.choice(workers).kill()
        return bool(workers)

    def kill_it(self) -> float:
        """Kill the search, measure how long its workers outlive it in seconds, and start it again."""
        workers = self.workers()
        self.process.kill()
        began = time.monotonic()
        self.process.wait()
        psutil.wait_procs(workers, timeout=60)
        outlived = time.monotonic() - began
        self.process = self._start()
        return outlived

    def finish(self) -> None:
        """Wait for its end."""
        if self.process.wait():
            raise SystemExit(f"the search ended with exit code {self.process.returncode}")


@click.command()
@click.argument("target", type=click.Choice(["worker", "search"]))
@click.option("--kills", default=50, show_default=True)
@click.option("--models", default=100, show_default=True)
@click.option("--seed", default=0, show_default=True, help="Of the instants.")
@click.option("--longest", default=8.0, show_default=True, help="Seconds between two kills are drawn from 0.2 to this.")
def main(target: str, kills: int, models: int, seed: int, longest: float) -> None:
    """Kill and compare."""
    draw = random.Random(seed)
    with TemporaryDirectory() as folder:
        undisturbed, disturbed = Path(folder, "undisturbed.sqlite"), Path(folder, "disturbed.sqlite")
        Victim(undisturbed, models).finish()
        victim, killed, outlived = Victim(disturbed, models), 0, []
        while killed < kills and not victim.is_over():
            time.sleep(draw.uniform(0.2, longest))
            if target == "worker":
                killed += victim.kill_a_worker(draw)
            elif not victim.is_over():
                outlived.append(victim.kill_it())
                killed += 1
        victim.finish()
        print(f"{killed} of {kills} kills of a {target} during a search of {models} networks")
        if outlived:
            print(f"workers outlived the search by at most {max(outlived):.2f} s")
        expected, found = contents(undisturbed), contents(disturbed)
        for table in expected:
            same = "equal" if expected[table] == found[table] else "DIFFERENT"
            print(f"  {table}: {len(found[table])} rows, {same}")
        statuses = [dict(row)["status"] for row in found["evaluations"]]
        print(f"results: {', '.join(f'{statuses.count(status)} {status}' for status in sorted(set(statuses)))}")
        verify = [sys.executable, "-m", "metaqnn", "replay", "verify", str(disturbed)]
        print(subprocess.run(verify, capture_output=True, text=True, check=False).stdout.strip())


if __name__ == "__main__":
    main()
