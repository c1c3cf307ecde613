"""What can go wrong, as exceptions whose one sentence is meant for the user.

Each message says what was expected, what came and what to do. The command line prints it and exits with 2;
a traceback means a fault of this package, never of its input.
"""


class MetaqnnError(Exception):
    """The base of every error that this package raises on purpose."""


class ConfigError(MetaqnnError, ValueError):
    """A YAML file, an override or an option that cannot be used."""


class NotationError(MetaqnnError, ValueError):
    """A text that is no network in the paper's notation."""


class IllegalArchitectureError(MetaqnnError, ValueError):
    """A network that can be written but not built, or that a search space does not contain."""


class DataError(MetaqnnError, ValueError):
    """A data set that is absent, incomplete or inconsistent."""


class ReplayError(MetaqnnError, RuntimeError):
    """A replay database that cannot be opened, written or trusted."""


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
