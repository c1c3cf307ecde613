"""The machine's faults, told apart from those of what runs on it.

A full disk says nothing about the network that was training when it filled up. So a fault of the machine is never
recorded as a result: it ends the command in one sentence, and the same command goes on when the machine can.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from errno import errorcode
from signal import SIGABRT, SIGBUS
from types import MappingProxyType, TracebackType
from typing import NamedTuple

from metaqnn.errors import MachineError, MetaqnnError


class _Kind(NamedTuple):
    """What was expected of the machine, and what to do."""

    expected: str
    advice: str


_SPACE = _Kind("space on the disk", "free some")
_FILE_SIZE = _Kind("to write a file of this size", "raise the limit (ulimit -f)")
_HANDLES = _Kind("to open one more file", "raise the limit (ulimit -n), use fewer workers")
_PROCESS = _Kind("to start one more process or thread", "end others, raise the limit (ulimit -u), use fewer workers")
_MEMORY = _Kind("memory to load a library into", "end other processes, raise the limit (ulimit -v)")
_KERNEL = _Kind("what a system has to give", "end other processes")
_DISK = _Kind("a disk that can be read and written", "see that it is there and whole")
_WRITABLE = _Kind("a place that can be written", "mount it so that it can be, or give the permission back")
_PERMISSION = _Kind("to be allowed this", "give the permission back")
_TEMPORARY = _Kind("a folder for temporary files", "free some space there, or set TMPDIR")

_KINDS = MappingProxyType(
    {
        **dict.fromkeys(("ENOSPC", "EDQUOT"), _SPACE),
        "EFBIG": _FILE_SIZE,
        **dict.fromkeys(("EMFILE", "ENFILE"), _HANDLES),
        **dict.fromkeys(("EAGAIN", "ENOMEM"), _PROCESS),
        **dict.fromkeys(("ENOLCK", "ENOBUFS"), _KERNEL),
        **dict.fromkeys(("EIO", "ESTALE", "EUCLEAN"), _DISK),
        "EROFS": _WRITABLE,
        **dict.fromkeys(("EACCES", "EPERM"), _PERMISSION),
    }
)
"""By the name of an error number; see `machine_fault`."""

_OF_SQLITE = MappingProxyType({3: _PERMISSION, 8: _WRITABLE, 10: _DISK, 13: _SPACE, 14: _DISK})
"""By SQLite's primary result code: PERM, READONLY, IOERR, FULL, CANTOPEN."""

_NUMBER = re.compile(r"errno(?: =)? (\d+)", re.IGNORECASE)
"""How Python, h5py and Arrow write an error number into a text."""

_TOO_COMMON = ("EAGAIN", "ENOMEM", "EACCES", "EPERM", "EFBIG")
"""Numbers whose words others than the system of this machine use, too: a server, an allocation too large."""

_NO_THREAD = re.compile(r"can't start new thread|pthread_create\(\) failed|what\(\): +Resource temporarily unavailable")
"""Python, TensorFlow and C++ say so; the last two abort."""

_TEMPORARY_WORDS = "No usable temporary directory found"

_WORDS = (
    *(
        (re.compile(re.escape(os.strerror(number))), _KINDS[name])
        for number, name in errorcode.items()
        if name in _KINDS and name not in _TOO_COMMON
    ),
    (_NO_THREAD, _PROCESS),
    (re.compile("failed to map segment from shared object"), _MEMORY),
    (re.compile(r"\d requested and \d+ written|PytorchStreamWriter failed writing"), _SPACE),  # NumPy's tofile; Torch
    (re.compile(_TEMPORARY_WORDS), _TEMPORARY),
)
"""What is said where there is no number."""

_STARTERS = {"fork", "forkpty", "fork_exec", "_fork_exec", "posix_spawn", "posix_spawnp"}
"""Functions that start a process."""


def machine_fault(error: BaseException) -> MachineError | None:
    """What an exception says about the machine; None where it says nothing, and is data about a candidate.

    The machine's are, by the number that the system gave: no space or quota (ENOSPC, EDQUOT) and files too large
    (EFBIG); no more open files (EMFILE, ENFILE), locks or buffers (ENOLCK, ENOBUFS); a disk that fails or is gone
    (EIO, ESTALE, EUCLEAN) or is read-only (EROFS); a permission (EACCES, EPERM); and where a process was being started
    ENOMEM and EAGAIN, which elsewhere are an allocation too large and a call that would have to wait. SQLite's codes
    and the texts of libraries that say the same without a number count alike. What is absent or exists already, is no
    folder, or cannot be reached on a network is the business of who asked for it, and so is an OSError without a
    number: somebody's own words. MemoryError is a candidate's: it was too large.

    An exception raised `from` a fault is one, and so is one raised while a fault was handled, unless `from None`; but
    a permission or a read-only place that somebody handled may just have been a try.
    """
    link: BaseException | None = error
    is_handled, seen = False, set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        for inner in link.exceptions if isinstance(link, BaseExceptionGroup) else ():
            if fault := machine_fault(inner):
                return fault
        if isinstance(link, MachineError):
            return link
        kind = _kind(link)
        if kind is not None and not (is_handled and kind in (_PERMISSION, _WRITABLE)):
            return MachineError(str(error) if isinstance(error, MetaqnnError) else _sentence(kind, link))
        if link.__cause__ is None:
            is_handled = True
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return None


def raise_machine_fault(error: BaseException) -> None:
    """Do nothing where an exception says nothing about the machine.

    Raises:
        MachineError: it does.
    """
    if fault := machine_fault(error):
        if fault is error:
            raise fault
        raise fault from error


@contextmanager
def machine_faults() -> Iterator[None]:
    """Tell the machine's faults in a block, or in the function that this decorates, in one sentence.

    Raises:
        MachineError: in place of whatever such a fault is raised as; other errors of this package stay.
    """
    try:
        yield
    except MetaqnnError:
        raise
    except Exception as error:  # libraries raise a full disk as anything; what is no fault goes on
        raise_machine_fault(error)
        raise


def fault_of_end(code: int | None, said: str) -> str:
    """The fault of the machine by which a process ended, in one sentence; empty where it was its own doing.

    Args:
        code: its exit code; below 0 a signal; None where nobody knows.
        said: the last lines of its standard error.
    """
    if code == -SIGBUS:  # what is mapped into memory could not be read or written: its disk is full, gone or damaged
        return _told(_DISK, "a process was ended by SIGBUS")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if code == -SIGABRT:
        lines = [line for line in lines if _NO_THREAD.search(line)]
    kind = _kind(RuntimeError(lines[-1])) if lines and code in (-SIGABRT, 1) else None  # 1: by an exception
    return _told(kind, lines[-1][:300]) if kind else ""


def _kind(error: BaseException) -> _Kind | None:
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _OF_SQLITE.get(code & 0xFF)  # the rest says more closely what happened
    if isinstance(error, OSError) and isinstance(error.errno, int):  # who raises it may say anything
        name = errorcode.get(error.errno, "")
        if name == "ENOENT" and _TEMPORARY_WORDS in str(error.strerror):
            return _TEMPORARY
        kind = _KINDS.get(name)
        return kind if kind is not _PROCESS or _starts_process(error.__traceback__) else None
    if isinstance(error, MemoryError):
        return None
    text = str(error)
    for number in _NUMBER.findall(text):
        kind = _KINDS.get(errorcode.get(int(number), ""))
        if kind not in (None, _PROCESS):
            return kind
    return next((kind for words, kind in _WORDS if words.search(text)), None)


def _starts_process(trace: TracebackType | None) -> bool:
    """Whether the innermost function is one that starts processes."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and bool(_STARTERS & set(trace.tb_frame.f_code.co_names))


def _sentence(kind: _Kind, error: BaseException) -> str:
    strerror, place = getattr(error, "strerror", None), getattr(error, "filename", None)
    lines = [line for line in str(error).splitlines() if any(words.search(line) for words, _ in _WORDS)]
    said = lines[0] if lines else error  # a library's advice around it may fill a page
    problem = " ".join((strerror or f"{type(error).__name__}: {said}").split())[:300]
    return _told(kind, problem, f"{os.fsdecode(place)}: " if isinstance(place, str | bytes) else "")


def _told(kind: _Kind, problem: str, place: str = "") -> str:
    return (
        f"{place}expected {kind.expected}, but {problem}; {kind.advice}, and run the same command again: nothing that "
        "was recorded is lost"
    )
