"""Numbers and networks as short words, shared by the displays."""

from metaqnn.core import SearchStatus, WorkerReady
from metaqnn.workers.environment import visible_gpus


def duration(seconds: float | None) -> str:
    """Hours, minutes and seconds: `2:03:04`, `3:04`; `-` where unknown."""
    if seconds is None:
        return "-"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def seconds_left(status: SearchStatus) -> float | None:
    """Time left at the present rate; None while unknown."""
    if status.seconds_per_model is None:
        return None
    return max(0, status.models_total - status.models_done) * status.seconds_per_model


def models_per_hour(status: SearchStatus) -> str:
    """The present rate; `-` while unknown."""
    return f"{3600 / status.seconds_per_model:,.0f}" if status.seconds_per_model else "-"


def device_line(event: WorkerReady) -> str:
    """What a worker evaluates on; and what to do where that is not the GPU that is there."""
    if not event.device:
        return "Workers are ready."
    backend = event.versions.get("keras_backend")
    line = f"Training on {event.device}{f' ({backend})' if backend else ''}."
    if visible_gpus() and event.device.startswith("CPU"):
        line += ' A GPU is there, but the backend does not see it: pip install "tensorflow[and-cuda]"'
    return line


def shorten(text: str, width: int) -> str:
    """A long network with its middle left out."""
    if len(text) <= width:
        return text
    tail = min(24, width // 3)
    return f"{text[: width - tail - 3]}...{text[len(text) - tail :]}"
