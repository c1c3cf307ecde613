"""A user's own observer in the process of the search, which goes on whatever that one raises."""

from collections.abc import Callable

from metaqnn.core import Episode, Event, Observer, Proposal, SearchStatus


class GuardedObserver(Observer):
    """Tells another observer until that raises.

    Args:
        observer: the other one.
        announce: called with one line when it is dropped.
    """

    def __init__(self, observer: Observer, announce: Callable[[str], None]):
        self._observer: Observer | None = observer
        self._announce = announce

    def on_start(self, status: SearchStatus) -> None:
        """Pass it on."""
        self._tell("on_start", status)

    def on_event(self, event: Event) -> None:
        """Pass it on."""
        self._tell("on_event", event)

    def on_proposal(self, proposal: Proposal) -> None:
        """Pass it on."""
        self._tell("on_proposal", proposal)

    def on_episode(self, episode: Episode, status: SearchStatus) -> None:
        """Pass it on."""
        self._tell("on_episode", episode, status)

    def on_end(self, status: SearchStatus) -> None:
        """Pass it on."""
        self._tell("on_end", status)

    def _tell(self, method: str, *arguments: object) -> None:
        if self._observer is None:
            return
        try:
            getattr(self._observer, method)(*arguments)
        except Exception as error:
            name, self._observer = type(self._observer).__name__, None
            told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            self._announce(f"The observer {name} is dropped ({told}); the search is not touched.")
