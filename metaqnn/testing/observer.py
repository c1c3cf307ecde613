"""What every named observer keeps (`metaqnn.core.SearchObserver`)."""

import dataclasses
import math
from pathlib import Path

import pytest

from metaqnn.core import (
    Attempt,
    CurvePoint,
    Episode,
    EpisodeOrigin,
    Evaluation,
    ObservedEpisode,
    ObservedSearch,
    Score,
    SearchObserver,
    Status,
)


def observed(number: int) -> ObservedEpisode:
    """A made-up episode: every third repeats the one before, and every fourth has failed."""
    reused, has_failed = number % 3 == 0, number % 4 == 0
    score = None if has_failed else number / 64
    text = f'[A({number}), "B,1"] ä é'
    origin = EpisodeOrigin.RETRIED if number % 5 == 0 else EpisodeOrigin.SAMPLED
    episode = Episode(number, number, {"epsilon": 0.5}, number, text, number, score, score or 0.1, reused, origin)
    points = tuple(CurvePoint(step, step / 64, 0.5, {"loss": math.nan if has_failed else 1.0}) for step in (1, 2))
    status, reason = (Status.DIVERGED, "the loss is not finite") if has_failed else (Status.OK, "")
    evaluation = Evaluation(status, score, reason, (Attempt(points),), {"rate": 0.25}, 1.0, "a device")
    return ObservedEpisode(
        episode,
        {"parameters": 10 * number, "share": 0.5},
        (f"A({number})", "B,1"),
        None if reused else evaluation,
        f"2026-01-02T03:04:{number % 60:02}.500+00:00",
        score,
    )


class ObserverContract:
    """Subclass it as `TestX` with two fixtures.

    `make_observer` is a function that makes the observer of an `ObservedSearch`; `read_back` one that says of an
    `ObservedSearch` the numbers of the episodes that are kept of it, in order, as often as they are.
    """

    length = 9
    """Episodes that are told."""

    @pytest.fixture
    def search(self, tmp_path: Path) -> ObservedSearch:
        """A made-up search."""
        return self.made_up_search(tmp_path, "0123abcd")

    @staticmethod
    def made_up_search(folder: Path, identity: str) -> ObservedSearch:
        """A search whose database would lie in a folder."""
        score = Score("accuracy", low=0.0, high=1.0)
        experiment = {"name": "made_up", "search": {"models": 9, "workers": None}, "schedule": [[1.0, 9]]}
        return ObservedSearch("made_up", identity, folder / "made_up.sqlite", 7, score, experiment)

    @staticmethod
    def tell(observer: SearchObserver, first: int, last: int) -> None:
        """Tell episodes."""
        for number in range(first, last + 1):
            observer.write(observed(number))

    def test_options_are_a_frozen_dataclass(self, make_observer, search):
        options = type(make_observer(search)).Options
        assert dataclasses.is_dataclass(options)
        assert "name" not in {field.name for field in dataclasses.fields(options)}

    def test_every_episode_is_kept_once_in_order(self, make_observer, read_back, search):
        observer = make_observer(search)
        assert observer.start() == 0
        self.tell(observer, 1, self.length)
        observer.stop()
        assert read_back(search) == list(range(1, self.length + 1))

    def test_it_goes_on_where_it_stopped(self, make_observer, read_back, search):
        for first, last in ((1, 4), (5, 5), (6, self.length)):
            observer = make_observer(search)
            assert observer.start() == first - 1
            self.tell(observer, first, last)
            observer.stop()
        assert read_back(search) == list(range(1, self.length + 1))

    def test_it_goes_on_behind_one_that_was_killed(self, make_observer, read_back, search):
        first, second = make_observer(search), make_observer(search)
        first.start()
        self.tell(first, 1, 5)  # and not stopped, as where it is killed
        kept = second.start()
        assert 0 <= kept <= 5
        self.tell(second, kept + 1, self.length)
        second.stop()
        assert read_back(search) == list(range(1, self.length + 1))
        first.stop()  # lets go of what it opened

    def test_another_search_of_the_same_name_begins_anew_and_loses_nothing_of_the_first(
        self, make_observer, read_back, search, tmp_path
    ):
        other = self.made_up_search(tmp_path, "4567cdef")
        for one in (search, other):
            observer = make_observer(one)
            assert observer.start() == 0
            self.tell(observer, 1, 3)
            observer.stop()
        assert read_back(other) == [1, 2, 3]
        assert read_back(search) == [1, 2, 3]
