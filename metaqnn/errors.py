"""What can go wrong, as exceptions whose one sentence is meant for the user.

Each message says what was expected, what came and what to do. The command line prints it and exits with 2;
a traceback means a fault of this package, never of its input.
"""

from errno import EACCES, EDQUOT, EFBIG, EMFILE, ENFILE, ENOSPC, EPERM

NO_MEMORY = "expected more memory, but there is none left; end other processes, or use fewer workers"

_ADVICE = {
    (EACCES, EPERM): "choose another place, or have somebody give you the right to enter and use this one",
    (ENOSPC, EDQUOT, EFBIG): "free some space, or choose another place",
    (EMFILE, ENFILE): "close other programs, or raise the number of files that may be open (ulimit -n)",
}


def advice(error: OSError) -> str:
    """What to do about what the system says of a place."""
    return next((words for numbers, words in _ADVICE.items() if error.errno in numbers), "choose another place")


def brief(text: str, most: int = 100) -> str:
    """A text as a message repeats it: of a longer one the beginning and the end."""
    return text if len(text) <= most else f"{text[: most * 3 // 4]}...{text[-most // 5 :]}"


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """A number with its noun: '1 repeat', '2,000 repeats'; `nouns` is the plural where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def shown(value: object, most: int = 100) -> str:
    """A value as a message repeats it."""
    try:
        return brief(repr(value), most)
    except ValueError:  # Python's limit
        return "a number of thousands of digits"


class MetaqnnError(Exception):
    """The base of every error that this package raises on purpose."""


class ConfigError(MetaqnnError, ValueError):
    """A YAML file, an override or an option that cannot be used."""


class NotationError(MetaqnnError, ValueError):
    """A text that is no network in the paper's notation."""


class IllegalArchitectureError(MetaqnnError, ValueError):
    """A network that can be written but not built, or that a search space does not contain."""


class ClusterError(MetaqnnError, RuntimeError):
    """A cluster that cannot be reached, or whose machines cannot do the work."""


class DataError(MetaqnnError, ValueError):
    """A data set that is absent, incomplete or inconsistent."""


class ReplayError(MetaqnnError, RuntimeError):
    """A replay database that cannot be opened, written or trusted."""


class DamageError(ReplayError):
    """A replay database that holds what cannot be so; see `metaqnn.replay.checks`.

    Args:
        path: of the file.
        what: is wrong and where, as one clause.
    """

    def __init__(self, path: object, what: str):
        super().__init__(f"{path}: {what}; {ADVICE}")
        self.what = what


ADVICE = (
    "restore a copy of it; `metaqnn replay check` lists all that is damaged, `metaqnn replay rescue` saves the rest"
)
"""What to do about a damaged database."""


class ExportError(MetaqnnError, RuntimeError):
    """A trained network that cannot be exported, or that does not predict the same after it."""


class MachineError(MetaqnnError, RuntimeError):
    """The machine cannot go on: a full disk, no more open files; see `metaqnn.machine`. Never recorded as a result."""


class CalibrationError(MetaqnnError, RuntimeError):
    """The speed of the device could not be measured; a search can do without."""


class EvaluatorError(MetaqnnError, RuntimeError):
    """An evaluator that cannot work at all (a failing candidate is data, not this)."""


class PluginError(MetaqnnError, RuntimeError):
    """A space, strategy, evaluator, data set or reward from outside that cannot be used."""
