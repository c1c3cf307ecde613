"""The machine's faults, told apart from those of what runs on it: each is a real one."""

import resource
import shutil
import subprocess
import sys
from errno import EAGAIN, ENOMEM
from pathlib import Path

import numpy as np
import pytest
from machine_faults import FAULTS, NO_FAULTS, limited, no_more_files, no_space

from metaqnn.errors import DataError, MachineError, ReplayError
from metaqnn.machine import fault_of_end, machine_fault, machine_faults, raise_machine_fault

EXPECTED = {
    "no_space": "expected space on the disk, but No space left on device; free some, and run the same command again: "
    "nothing that was recorded is lost",
    "too_large_a_file": "expected to write a file of this size, but File too large; raise the limit (ulimit -f), and",
    "too_many_open_files": "/dev/null: expected to open one more file, but Too many open files; raise the limit",
    "a_failing_disk": "expected a disk that can be read and written, but Input/output error; see that it is there and",
    "no_permission": "expected to be allowed this, but Permission denied; give the permission back, and run",
    "no_process": "expected to start one more process or thread, but Resource temporarily unavailable; end others,",
    "no_thread": "expected to start one more process or thread, but RuntimeError: can't start new thread; end others,",
    "no_temporary_folder": "expected a folder for temporary files, but No usable temporary directory found in [",
    "a_full_database": "expected space on the disk, but OperationalError: database or disk is full; free some, and",
    "a_database_on_a_failing_disk": "but OperationalError: disk I/O error; see that it is there and whole, and",
    "a_read_only_database": "but OperationalError: attempt to write a readonly database; mount it so that it can be,",
    "a_database_that_cannot_be_opened": "but OperationalError: unable to open database file; see that it is there",
    "an_error_from_a_fault": "expected space on the disk, but No space left on device; free some",
    "an_error_while_a_fault_was_handled": "expected a disk that can be read and written, but Input/output error",
}


def raised(function) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        function()
    return caught.value


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_in_one_sentence_with_what_to_do(name):
    told = str(machine_fault(raised(FAULTS[name])))
    assert EXPECTED[name] in told
    assert "\n" not in told


@pytest.mark.parametrize("name", NO_FAULTS)
def test_what_is_no_fault_of_the_machine(name):
    assert machine_fault(raised(NO_FAULTS[name])) is None


def test_memory_for_a_process_is_another_thing_than_memory_of_a_process():
    """No limit has `fork` fail for want of memory on any machine, so the number is raised in functions like its own."""

    def starts(number):
        import os

        if number:
            raise OSError(number, "no memory")
        os.fork()

    def allocates(number):
        raise OSError(number, "no memory")

    for number in (ENOMEM, EAGAIN):
        assert "one more process" in str(machine_fault(raised(lambda number=number: starts(number))))
        assert machine_fault(raised(lambda number=number: allocates(number))) is None


def hdf5(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file, limited(resource.RLIMIT_FSIZE, 4096):
        file["a"] = np.arange(10_000.0)


def saved(tmp_path):
    with limited(resource.RLIMIT_FSIZE, 4096):
        np.save(tmp_path / "a.npy", np.arange(10_000.0))


def copied(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "a").write_bytes(bytes(10_000))
    with limited(resource.RLIMIT_FSIZE, 4096):
        shutil.copytree(tmp_path / "from", tmp_path / "to")


def grouped(tmp_path):
    raise ExceptionGroup("two went wrong", [ValueError("a"), raised(no_space)])


@pytest.mark.parametrize("library", [hdf5, saved, copied, grouped])
def test_libraries_say_it_in_their_own_ways(library, tmp_path):
    assert machine_fault(raised(lambda: library(tmp_path))) is not None


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (RuntimeError("Unknown: /x/part-0; No space left on device [Op:SaveV2]"), True),
        (RuntimeError("Can't decrement id ref count (unable to close file, errno = 28, error message = 'No'"), True),
        (RuntimeError("unable to open shared memory object </torch_1> in read-write mode: Too many open files"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: Error code 12 (Cannot allocate memory)"), False),
        (RuntimeError("a server said: Permission denied"), False),
        (RuntimeError("3 GPUs requested and 2 there"), False),
        (RuntimeError("413: File too large"), False),
        (OSError([28], "own words"), False),
        (MemoryError("[Errno 28]"), False),
        (OSError("[Errno 2] No such file or directory: 'a'"), False),
    ],
)
def test_a_text_without_a_number_of_its_own(error, is_one):
    assert (machine_fault(error) is not None) == is_one


def test_a_sentence_of_this_package_stays_as_it_is():
    def load():
        try:
            no_space()
        except OSError as error:
            raise DataError("x.npz: it cannot be read: put it back") from error

    fault = machine_fault(raised(load))
    assert (type(fault), str(fault)) == (MachineError, "x.npz: it cannot be read: put it back")
    assert machine_fault(fault) is fault


def test_raising_it_and_a_block_and_a_function_in_which_it_is_raised():
    raise_machine_fault(ValueError("nothing of the machine"))
    cause = raised(no_space)
    error = raised(lambda: raise_machine_fault(cause))
    assert (type(error), error.__cause__) == (MachineError, cause)
    assert raised(lambda: raise_machine_fault(error)) is error
    with pytest.raises(ReplayError, match=r"^No space left on device$"), machine_faults():
        raise ReplayError("No space left on device")
    with pytest.raises(ValueError, match="no such thing"), machine_faults():
        raise ValueError("no such thing")
    decorated = machine_faults()(no_space)
    for _ in range(2):
        with pytest.raises(MachineError, match="expected space on the disk"):
            decorated()


def test_how_a_process_ended():
    program = "import machine_faults; machine_faults.bus_error()"
    ended = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parent, check=False)
    assert fault_of_end(ended.returncode, "") == (
        "expected a disk that can be read and written, but a process was ended by SIGBUS; see that it is there and "
        "whole, and run the same command again: nothing that was recorded is lost"
    )
    said = "F0000 env.cc:84] Check failed: Thread tf_Eigen creation via pthread_create() failed.\n*** stack trace:\n  @"
    assert "but F0000 env.cc:84] Check failed: Thread tf_Eigen creation" in fault_of_end(-6, said)
    for code, line in (
        (-6, "  what():  Resource temporarily unavailable"),
        (1, "RuntimeError: can't start new thread"),
    ):
        assert f"one more process or thread, but {line.strip()}; end others" in fault_of_end(code, f"trace\n{line}\n\n")
    assert (
        fault_of_end(-6, "assertion failed")
        == fault_of_end(1, "")
        == fault_of_end(-11, said)
        == fault_of_end(1, said)
        == ""
    )


def test_places_that_must_not_take_a_fault_for_an_answer(tmp_path):
    """A file of one's own that cannot be read now is not a stranger's, and not damaged."""
    from metaqnn.networks.retraining.trainer import is_checkpoint_of
    from metaqnn.reports.drawing import require_own
    from metaqnn.workers.memory import gpu_bytes, machine_bytes

    np.savez(tmp_path / "checkpoint.npz", identity=np.array("mine"))
    (tmp_path / "report.html").write_text('<meta name="generator" content="metaqnn">', encoding="utf-8")
    assert is_checkpoint_of(tmp_path / "checkpoint.npz", "mine")
    require_own(tmp_path / "report.html")
    for ask in (
        lambda: is_checkpoint_of(tmp_path / "checkpoint.npz", "mine"),
        lambda: require_own(tmp_path / "report.html"),
        lambda: gpu_bytes(None),
        machine_bytes,
    ):
        with no_more_files():
            error = raised(ask)
        assert "Too many open files" in str(machine_fault(error))
    for content in (b"", b"no checkpoint", b"PK\x05\x06" + bytes(18)):
        (tmp_path / "other.npz").write_bytes(content)
        assert not is_checkpoint_of(tmp_path / "other.npz", "mine")
    assert not is_checkpoint_of(tmp_path / "absent.npz", "mine")
    assert not is_checkpoint_of(tmp_path, "mine")


def test_a_library_that_finds_no_memory_is_told_by_its_line_not_by_its_page():
    try:
        try:
            raise ImportError("_contextvars.so: failed to map segment from shared object")
        except ImportError as error:
            raise ImportError(f"\n\nPLEASE READ THIS\n\nMany reasons ...\n\nOriginal error was: {error}\n") from error
    except ImportError as error:
        told = str(machine_fault(error))
    assert told == (
        "expected memory to load a library into, but ImportError: Original error was: _contextvars.so: failed to map "
        "segment from shared object; end other processes, raise the limit (ulimit -v), and run the same command again: "
        "nothing that was recorded is lost"
    )
    assert machine_fault(ImportError("No module named 'torch'")) is None
