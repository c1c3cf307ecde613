"""Processes that end with the command, also those of a search that were stopped before they could ask for that."""

import os
import pty
import subprocess
import sys

import pytest
from patience import patience, wait_until
from test_kill import is_running

STARTS = {
    "worker": """
from metaqnn.workers.pipe import PipeTransport
from metaqnn.workers.transport import WorkerSetup
started = PipeTransport(lambda environment, gpu: environment).start(WorkerSetup(1, b"")).pid
""",
    "observer": """
from pathlib import Path
from metaqnn.workflows.observing import ObserverProcess, section_of
section = section_of("csv", "metaqnn.observers.rows:CSVRows", "metaqnn", {})
observer = ObserverProcess(section, Path("search.sqlite"), (), print, lambda: False)
observer.on_start(None)
started = observer._process.pid
""",
    "comparison": """
import multiprocessing, os
from concurrent.futures import ProcessPoolExecutor
from metaqnn.workflows.compare import _end_with_the_parent
pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _end_with_the_parent)
started = pool.submit(os.getpid).result()
""",
}

STOP_AND_DIE = """
import os, signal
os.kill(started, signal.SIGSTOP)
print(started, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="needs groups of processes")
@pytest.mark.parametrize("is_hang_up_ignored", [False, True], ids=["plain", "nohup"])
@pytest.mark.parametrize("kind", STARTS)
def test_one_that_is_stopped_ends_when_its_parent_is_killed(kind, is_hang_up_ignored, tmp_path):
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" if is_hang_up_ignored else ""
    with (tmp_path / "shown").open("w+") as shown:
        subprocess.run(
            [sys.executable, "-c", ignoring + STARTS[kind] + STOP_AND_DIE],
            cwd=tmp_path,
            stdout=shown,
            start_new_session=True,
            timeout=patience(60),
            check=False,
        )
        shown.seek(0)
        started = int(shown.read())
    wait_until(lambda: not is_running(started))


def test_a_worker_has_no_terminal_that_could_stop_it():
    """What a function runs and asks for a password there is refused, instead of stopped by the kernel."""
    script = (
        "import os, subprocess, sys\n"
        "child = 'import sys; from metaqnn.workers.process_main import end_with; "
        'open("/dev/tty").close(); end_with(int(sys.argv[1])); open("/dev/tty")\'\n'
        "subprocess.run([sys.executable, '-c', child, str(os.getpid())], process_group=0)\n"
    )
    child, parent = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", script])
    said = b""
    try:
        while words := os.read(parent, 4096):
            said += words
    except OSError:  # how Linux tells the end of a terminal
        pass
    os.close(parent)
    os.waitpid(child, 0)
    assert b"No such device or address: '/dev/tty'" in said
