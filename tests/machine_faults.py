"""Real faults of the machine, each raised by the system itself and over when it has been raised; they run anywhere."""

import mmap
import os
import resource
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

NOBODY = 65534


@contextmanager
def limited(kind: int, number: int) -> Iterator[None]:
    """A lower limit of this process, and the old one again."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (number, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@contextmanager
def no_more_files() -> Iterator[None]:
    """As many files are open as may be."""
    with open(os.devnull) as lowest, limited(resource.RLIMIT_NOFILE, lowest.fileno() + 1):
        yield


@contextmanager
def as_anybody() -> Iterator[None]:
    """Without the rights of root, for whom neither permissions nor a number of processes count."""
    if is_root := os.getuid() == 0:
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)


def no_space():
    with open("/dev/full", "w") as file:
        file.write("x")


def too_large_a_file():
    with limited(resource.RLIMIT_FSIZE, 0), tempfile.TemporaryFile(buffering=0) as file:
        file.write(b"x")


def too_many_open_files():
    with no_more_files(), open(os.devnull):
        pass


def a_failing_disk():
    with open("/proc/self/mem", "rb", buffering=0) as file:
        file.read(1)  # nothing is mapped at 0


def no_permission():
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0)
        with as_anybody(), open(file.name):
            pass


def no_process():
    with limited(resource.RLIMIT_NPROC, 1), as_anybody():
        subprocess.run(["true"], check=True)


def no_thread():
    with limited(resource.RLIMIT_NPROC, 1), as_anybody():
        threading.Thread(target=print).start()


def no_temporary_folder():
    usual, tempfile.tempdir = tempfile.tempdir, None
    try:
        with limited(resource.RLIMIT_FSIZE, 0):
            tempfile.mkdtemp()
    finally:
        tempfile.tempdir = usual


def a_full_database():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE a (b)")
        connection.execute("INSERT INTO a VALUES (zeroblob(100000))")


def a_database_on_a_failing_disk():
    with (
        tempfile.NamedTemporaryFile() as file,
        closing(sqlite3.connect(file.name, isolation_level=None)) as connection,
        limited(resource.RLIMIT_FSIZE, 0),
    ):
        connection.execute("CREATE TABLE a (b)")


def a_read_only_database():
    with (
        tempfile.NamedTemporaryFile() as file,
        closing(sqlite3.connect(f"file:{file.name}?mode=ro", uri=True)) as connection,
    ):
        connection.execute("CREATE TABLE a (b)")


def a_database_that_cannot_be_opened():
    with tempfile.NamedTemporaryFile() as file, no_more_files(), closing(sqlite3.connect(file.name)):
        pass


def an_error_from_a_fault():
    try:
        no_space()
    except OSError as error:
        raise ValueError("the training failed") from error


def an_error_while_a_fault_was_handled():
    try:
        a_failing_disk()
    except OSError:
        raise KeyError("a zip file that is none")  # noqa: B904 - as Python's own zipfile does


FAULTS = {
    function.__name__: function
    for function in (
        *(no_space, too_large_a_file, too_many_open_files, a_failing_disk, no_permission, no_process, no_thread),
        *(no_temporary_folder, a_full_database, a_database_on_a_failing_disk, a_read_only_database),
        *(a_database_that_cannot_be_opened, an_error_from_a_fault, an_error_while_a_fault_was_handled),
    )
}


def bus_error():
    """Read what is mapped and no longer there, as on a disk that fails; ends the process."""
    with tempfile.TemporaryFile() as file:
        file.write(bytes(mmap.PAGESIZE))
        file.flush()
        mapped = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        os.truncate(file.fileno(), 0)
        mapped[0]


# What an evaluated thing may do by itself


def absent():
    os.stat("/there/is/no/such/file")


def in_the_way():
    os.mkdir("/")


def would_have_to_wait():
    ends = os.pipe()
    try:
        os.set_blocking(ends[0], False)
        os.read(ends[0], 1)
    finally:
        for end in ends:
            os.close(end)


def too_large_to_map():
    mmap.mmap(-1, 2**46)


def somebodys_own_words():
    raise OSError("this pipeline is no good")


def too_large():
    return bytearray(2**60)


def a_try_that_was_handled():
    try:
        no_permission()
    except PermissionError:
        raise ValueError("no solution")  # noqa: B904


def said_to_be_its_own():
    with suppress(OSError):
        no_space()
    try:
        no_space()
    except OSError:
        raise ValueError("it writes too much") from None


NO_FAULTS = {
    function.__name__: function
    for function in (
        *(absent, in_the_way, would_have_to_wait, too_large_to_map, somebodys_own_words, too_large),
        *(a_try_that_was_handled, said_to_be_its_own),
    )
}
