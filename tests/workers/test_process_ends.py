"""Processes that end with the command, also those of a search that were stopped before they could ask for that."""

import os
import pty
import subprocess
import sys

import pytest
from patience import patience, wait_until
from test_kill import is_running

from metaqnn.replay.reader import ReplayReader
from metaqnn.workflows import verify_database

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
os.waitpid(started, os.WUNTRACED)  # until it has stopped: a signal that is only on its way is nothing to the kernel
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


def in_a_terminal(*words, press=None, when=None):
    """Run Python in the foreground of a terminal, and press a key once it is time: its code, and what it shows."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, *words])
    shown = b""
    try:
        while said := os.read(terminal, 4096):
            shown += said
            if press and when():
                os.write(terminal, press)
                press = None
    except OSError:  # how Linux tells the end of a terminal
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def test_a_worker_has_no_terminal_that_could_stop_it():
    """What a function runs and asks for a password there is refused, instead of stopped by the kernel."""
    script = (
        "import os, subprocess, sys\n"
        "child = 'import sys; from metaqnn.workers.process_main import end_with; "
        'open("/dev/tty").close(); end_with(int(sys.argv[1])); open("/dev/tty")\'\n'
        "subprocess.run([sys.executable, '-c', child, str(os.getpid())], process_group=0)\n"
    )
    _, shown = in_a_terminal("-c", script)
    assert b"No such device or address: '/dev/tty'" in shown


def test_ctrl_c_is_for_the_command_which_ends_its_workers(tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text(
        "import os, time\n\n\ndef score(architecture):\n"
        "    open(f'worker-{os.getpid()}', 'w').close()\n    time.sleep(0.2)\n    return 1.0\n"
    )
    (tmp_path / "slow.yaml").write_text(
        "name: slow\nspace: {name: chain, choices: [9, 9, 9]}\nstrategy: {name: random}\n"
        'evaluator: {name: function, function: "slow:score"}\nsearch: {models: 700, workers: 2, lookahead: 2}\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = ("-m", "metaqnn", "search", "slow.yaml", "--db", "slow.sqlite")
    code, shown = in_a_terminal(*command, press=b"\x03", when=lambda: any(tmp_path.glob("worker-*")))
    assert code == 130, shown
    assert b"Traceback" not in shown
    assert not any(is_running(int(file.name.partition("-")[2])) for file in tmp_path.glob("worker-*"))
    with ReplayReader(tmp_path / "slow.sqlite") as reader:
        assert verify_database(reader).difference is None
