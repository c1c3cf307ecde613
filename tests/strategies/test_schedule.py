"""The epsilon schedule: table 2, other totals, and where a search stands in it."""

from collections import deque
from dataclasses import replace
from itertools import pairwise

import pytest
from contracts.agents import configured, episode, make_strategy
from contracts.spaces import chain
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.core import EpisodeOrigin
from metaqnn.errors import ConfigError
from metaqnn.search.position import Position
from metaqnn.seeding import Stream
from metaqnn.strategies.schedule import PAPER_SCHEDULE, Progress, Schedule

PAPER = Schedule(PAPER_SCHEDULE, max_repeats=500)
STAGES = st.lists(
    st.tuples(st.sampled_from([1.0, 0.75, 0.5, 0.25, 0.0]), st.integers(1, 2000)), min_size=1, max_size=12
)


def models_of(schedule: Schedule) -> list[int]:
    return [models for _, models in schedule.stages]


def test_table_2():
    assert PAPER.stages == (
        (1.0, 1500),
        (0.9, 100),
        (0.8, 100),
        (0.7, 100),
        (0.6, 150),
        (0.5, 150),
        (0.4, 150),
        (0.3, 150),
        (0.2, 150),
        (0.1, 150),
    )
    assert PAPER.total == 2700


# Other totals


@pytest.mark.parametrize(
    ("total", "models"),
    [
        (2700, [1500, 100, 100, 100, 150, 150, 150, 150, 150, 150]),
        (5400, [3000, 200, 200, 200, 300, 300, 300, 300, 300, 300]),
        (270, [150, 10, 10, 10, 15, 15, 15, 15, 15, 15]),
        (27, [15, 1, 1, 1, 2, 2, 2, 1, 1, 1]),  # shares 1.5: the first three of six equal ones are rounded up
        (40, [22, 2, 2, 2, 2, 2, 2, 2, 2, 2]),  # shares 22.2, 1.48 and 2.2: 37 by rounding down, 3 by remainder
        (10, [1] * 10),
        (11, [2, *[1] * 9]),
        (12, [3, *[1] * 9]),  # the first, of share 6.7, pays for those of share 0.4 and 0.7 that get a whole one
    ],
)
def test_the_paper_s_schedule_for_another_total(total, models):
    scaled = PAPER.scaled(total)
    assert models_of(scaled) == models
    assert [epsilon for epsilon, _ in scaled.stages] == [epsilon for epsilon, _ in PAPER_SCHEDULE]
    assert scaled.max_repeats == 500


@pytest.mark.parametrize(
    ("total", "epsilons"),
    [
        (1, [1.0]),
        (2, [1.0, 0.1]),
        (3, [1.0, 0.5, 0.1]),  # indices 0, 4.5 rounded up, 9
        (4, [1.0, 0.7, 0.4, 0.1]),
        (7, [1.0, 0.8, 0.7, 0.5, 0.4, 0.2, 0.1]),  # 0, 1.5, 3, 4.5, 6, 7.5, 9
        (9, [1.0, 0.9, 0.8, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1]),
    ],
)
def test_fewer_models_than_stages(total, epsilons):
    assert PAPER.scaled(total).stages == tuple((epsilon, 1) for epsilon in epsilons)


@given(STAGES, st.integers(1, 5000))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_scaling_is_exact_and_proportional(stages, total):
    schedule = Schedule(tuple(stages), 7)
    scaled = schedule.scaled(total)
    assert scaled.total == total
    assert scaled.max_repeats == 7
    if total < len(stages):
        assert models_of(scaled) == [1] * total
        return
    assert [epsilon for epsilon, _ in scaled.stages] == [epsilon for epsilon, _ in stages]
    assert min(models_of(scaled)) >= 1
    shares = [total * models / schedule.total for _, models in stages]
    for models, share in zip(models_of(scaled), shares, strict=True):
        # Where every share is at least 1, this is largest remainder: each stage within 1 of its share. Else a stage
        # of a share below 1 gets exactly 1, which others pay for: none gets more than its share rounded up.
        assert models < share + 1
        assert models == 1 or share >= 1
        if min(shares) >= 1:
            assert models > share - 1
    for (_, a), (_, b), m, n in zip(stages, stages[1:], models_of(scaled), models_of(scaled)[1:], strict=False):
        assert abs(m - n) <= 1 or a != b


@given(STAGES, st.integers(1, 11))
@settings(deadline=None, derandomize=True)
def test_few_models_keep_evenly_spaced_stages(stages, total):
    stages = [(i / len(stages), models) for i, (_, models) in enumerate(stages)]
    scaled = Schedule(tuple(stages), 7).scaled(total)
    if total >= len(stages):
        assert len(scaled.stages) == len(stages)
        return
    kept = [round(epsilon * len(stages)) for epsilon, _ in scaled.stages]
    assert kept[0] == 0
    if total > 1:
        assert kept[-1] == len(stages) - 1
        gaps = {b - a for a, b in pairwise(kept)}
        assert min(gaps) >= 1
        assert max(gaps) - min(gaps) <= 1


@given(STAGES)
@settings(deadline=None, derandomize=True)
def test_its_own_total_changes_nothing(stages):
    schedule = Schedule(tuple(stages), 3)
    assert schedule.scaled(schedule.total) == schedule


def test_no_model_is_no_schedule():
    with pytest.raises(ConfigError, match=r"^schedule: expected at least one stage \[epsilon, models\], got \[\]$"):
        PAPER.scaled(0)


# Where a search stands


def test_a_walk_through_the_stages():
    schedule = Schedule(((1.0, 2), (0.5, 1), (0.1, 2)), max_repeats=3)
    progress = Progress()
    assert schedule.epsilon(progress) == 1.0
    progress = schedule.advance(progress, is_new=True)
    assert progress == Progress(distinct=1, stage=0, distinct_in_stage=1)
    progress = schedule.advance(progress, is_new=False)
    assert progress == Progress(distinct=1, stage=0, distinct_in_stage=1, repeats=1)
    assert schedule.epsilon(progress) == 1.0
    progress = schedule.advance(progress, is_new=True)
    assert progress == Progress(distinct=2, stage=1, distinct_in_stage=0)
    assert schedule.epsilon(progress) == 0.5
    progress = schedule.advance(progress, is_new=True)
    assert progress == Progress(distinct=3, stage=2, distinct_in_stage=0)
    assert schedule.epsilon(progress) == 0.1


def test_the_last_stage_has_no_end_of_its_own():
    schedule = Schedule(((1.0, 1), (0.1, 2)), max_repeats=3)
    progress = schedule.progress([True] * 100)
    assert progress == Progress(distinct=100, stage=1, distinct_in_stage=99)
    assert schedule.epsilon(progress) == 0.1
    assert not schedule.is_over(progress)


def test_a_stage_that_finds_nothing_new_ends_early():
    schedule = Schedule(((1.0, 5), (0.5, 5), (0.1, 5)), max_repeats=3)
    progress = schedule.progress([True, False, False])
    assert progress == Progress(distinct=1, stage=0, distinct_in_stage=1, repeats=2)
    progress = schedule.advance(progress, is_new=False)
    assert progress == Progress(distinct=1, stage=1, exhausted=(0,))
    assert schedule.epsilon(progress) == 0.5
    progress = schedule.progress([True, False, False, False, True, False, False, True])
    assert progress == Progress(distinct=3, stage=1, distinct_in_stage=2, exhausted=(0,))


def test_repeats_count_in_a_row_across_no_stage():
    schedule = Schedule(((1.0, 1), (0.1, 1)), max_repeats=2)
    assert schedule.progress([False, True]).repeats == 0
    assert schedule.progress([False, True, False]) == Progress(1, 1, 0, 1)
    assert schedule.progress([False, True, False, False]).exhausted == (1,)


def test_it_is_over_when_the_last_stage_finds_nothing_new():
    schedule = Schedule(((1.0, 2), (0.1, 2)), max_repeats=2)
    progress = schedule.progress([True, False, False, False, False])
    assert progress == Progress(distinct=1, stage=2, exhausted=(0, 1))
    assert schedule.is_over(progress)
    assert not schedule.is_over(schedule.progress([True, False, False, False]))


@given(st.lists(st.booleans(), max_size=120), STAGES, st.integers(1, 5), st.integers(0, 120))
@settings(deadline=None, derandomize=True)
def test_progress_is_a_fold_over_what_was_proposed(novelty, stages, max_repeats, cut):
    schedule = Schedule(tuple((epsilon, 1 + models % 9) for epsilon, models in stages), max_repeats)
    progress, met = Progress(), []
    for is_new in novelty:
        if schedule.is_over(progress):
            break
        progress = schedule.advance(progress, is_new)
        met.append(is_new)
    assert schedule.progress(met) == progress
    assert progress.distinct == sum(met)
    again = schedule.progress(met[:cut])
    for is_new in met[cut:]:
        again = schedule.advance(again, is_new)
    assert again == progress


# What is refused


@pytest.mark.parametrize(
    ("stages", "max_repeats", "problem"),
    [
        ((), 5, "schedule: expected at least one stage [epsilon, models], got []"),
        (((1.5, 10),), 5, "schedule: expected every epsilon from 0 to 1, got 1.5"),
        (((1.0, 10), (-0.1, 10)), 5, "schedule: expected every epsilon from 0 to 1, got -0.1"),
        (((float("nan"), 10),), 5, "schedule: expected every epsilon from 0 to 1, got nan"),
        (((1.0, 0),), 5, "schedule: expected at least 1 model in every stage, got 0"),
        (((1.0, 10),), 0, "max_repeats: expected at least 1, got 0"),
    ],
)
def test_a_schedule_that_is_refused(stages, max_repeats, problem):
    with pytest.raises(ConfigError) as error:
        Schedule(stages, max_repeats)
    assert str(error.value) == problem


# A strategy that keeps its schedule


@pytest.mark.parametrize("budget", [1, 3, 20, 400])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_told_and_what_is_pending_count_alike(seed, budget):
    """Sampled episodes count whether told or not; imported and retried ones never do."""
    config = configured("q_learning", "paper", schedule=[[1.0, 3], [0.5, 5], [0.1, 4]], max_repeats=4)
    schedule, stream = Schedule(config.schedule, 4).scaled(budget), Stream(seed, "episodes")
    strategy, position, progress, known = make_strategy(config, chain(2, 2, 2), 0), Position(budget), Progress(), []
    untold = deque()
    for number in range(1, 60):
        context = position.context()
        assert strategy.is_exhausted(context) == schedule.is_over(progress)
        assert strategy.describe_progress(context) == schedule.describe(progress)
        assert strategy.ask(context).recorded == {"epsilon": schedule.epsilon(progress)}
        assert strategy.ask(context, {"epsilon": 0.25}).recorded == {"epsilon": 0.25}
        if schedule.is_over(progress):
            break
        known_origin = EpisodeOrigin.SAMPLED if stream.integer(5) else EpisodeOrigin.RETRIED
        origin = EpisodeOrigin.IMPORTED if number < 6 else known_origin
        text = format(stream.integer(8), "03b")
        reused = text in known
        known.append(text)
        if origin is EpisodeOrigin.SAMPLED:
            progress = schedule.advance(progress, not reused)
        untold.append(replace(episode(number, text, 0.5, reused), origin=origin))
        position.add(untold[-1])
        while untold and stream.integer(3) == 0:
            strategy.tell(untold.popleft())
            position.tell()
    assert position.distinct == progress.distinct


def test_the_budget_of_a_strategy_where_none_is_given():
    assert make_strategy(configured("q_learning"), chain(2, 2), 0).default_models == 2700
    short = configured("random", schedule=[[1.0, 7], [0.5, 4]])
    assert make_strategy(short, chain(2, 2), 0).default_models == 11
