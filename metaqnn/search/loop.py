"""The search loop.

Episode n is proposed from exactly the episodes up to n - L (L = lookahead) and those that the search began with, and
episodes are recorded and told in the order of proposal, whatever order their evaluations end in. So what is proposed
depends on the seed and the recorded results alone: not on the number of workers, their speed, or where the search was
interrupted.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial

from metaqnn.core import (
    Candidate,
    CandidateFinished,
    EarlyStopping,
    Episode,
    EpisodeOrigin,
    Evaluation,
    Executor,
    Model,
    Observer,
    Proposal,
    ReplayMemory,
    Reward,
    SearchStatus,
    Space,
    Status,
    Strategy,
    WorkerLost,
    WorkerReady,
)
from metaqnn.search.plan import SearchPlan
from metaqnn.search.position import Position
from metaqnn.search.tally import Tally

_POLL_SECONDS = 0.2
"""How long the loop may be deaf to a request to stop."""

_CHECKPOINT_SHARE = 0.02
"""Checkpoints of the values take at most this share of the time: they are rarer where they are expensive."""


class Ending(StrEnum):
    """Why the loop ended."""

    COMPLETED = "completed"
    EXHAUSTED = "exhausted"
    INTERRUPTED = "interrupted"
    OUT_OF_TIME = "out_of_time"


class _StoppedError(Exception):
    """Leaves the loop early; carries the ending."""

    def __init__(self, ending: Ending):
        super().__init__(ending)
        self.ending = ending


class Search:
    """One run of a search, from wherever its memory stands to the end of its budget.

    Args:
        plan: budget, seed and lookahead.
        space, strategy, executor, memory, reward: the components.
        early_stopping: what an evaluation may be stopped by; None has every one go on to its end.
        observers: told what happens.
        stop_requested: asked several times a second.
    """

    def __init__(
        self,
        plan: SearchPlan,
        space: Space,
        strategy: Strategy,
        executor: Executor,
        memory: ReplayMemory,
        reward: Reward,
        observers: Sequence[Observer] = (),
        stop_requested: Callable[[], bool] = lambda: False,
        early_stopping: EarlyStopping | None = None,
    ):
        self.plan = plan
        self.space = space
        self.strategy = strategy
        self.executor = executor
        self.memory = memory
        self.reward = reward
        self.observers = observers
        self.stop_requested = stop_requested
        self.early_stopping = early_stopping
        self._position = Position(plan.budget or plan.models)
        self._in_flight: dict[int, Proposal] = {}  # by episode, in order: proposed, not recorded
        self._untold: deque[Episode] = deque()  # recorded, not told
        self._finished: dict[int, Evaluation] = {}  # by episode, evaluated ahead of its turn
        self._told = 0
        self._imported = 0  # episodes that the search began with
        self._replace_values = False
        self._began = time.monotonic()
        self._next_checkpoint = 0.0
        self._tally = Tally(reward.score)

    def run(self) -> Ending:
        """Search until the budget is spent, nothing new is found, time is up, or a stop is requested.

        Raises:
            ReplayError: the memory cannot record; nothing recorded before is lost.
            EvaluatorError: nothing can be evaluated at all.
        """
        self._began = time.monotonic()
        self._restore()
        self._tally.begin()
        self._notify("on_start", self._status())
        try:
            ending = self._loop()
            self._checkpoint()
        finally:
            self._notify("on_end", self._status())
        return ending

    def _loop(self) -> Ending:
        """Propose, evaluate, record, tell."""
        try:
            for proposal in list(self._in_flight.values()):
                # Retried episodes may be more than the lookahead; none may know more than it would have.
                self._tell_until(self._known_to(proposal.episode))
                self._evaluate(proposal)
            while not self._is_complete():
                self._tell_until(self._known_to(self._position.last + 1))
                self._propose()
            self._tell_until(self._position.last)
        except _StoppedError as stopped:
            return stopped.ending
        return Ending.EXHAUSTED if self.strategy.is_exhausted(self._position.context()) else Ending.COMPLETED

    def _is_complete(self) -> bool:
        """Whether no further episode may be proposed."""
        position = self._position
        return position.distinct >= self.plan.models or self.strategy.is_exhausted(position.context())

    def _propose(self) -> None:
        """Sample the next episode and put it in flight."""
        context = self._position.context()
        trajectory = self.strategy.ask(context)
        model = self.memory.known_model(trajectory.architecture)
        is_new = model is None
        _, next_model, next_evaluation = self.memory.next_numbers()
        if model is None:
            costs = self.space.costs(self.space.parse(trajectory.architecture))
            model = Model(next_model, trajectory.architecture, costs)
        evaluation = next_evaluation if is_new else None
        proposal = Proposal(context.number, context.distinct + is_new, trajectory.recorded, model, evaluation)
        self.memory.add_proposal(proposal)
        self._position.add(proposal)
        self._in_flight[proposal.episode] = proposal
        self._evaluate(proposal, tuple(step.action for step in trajectory.steps))

    def _evaluate(self, proposal: Proposal, actions: tuple[str, ...] | None = None) -> None:
        """Have an episode in flight evaluated, unless that is not needed or done."""
        self._notify("on_proposal", proposal)
        if proposal.evaluation is None:
            return
        # What was proposed just now, with its actions at hand, cannot be evaluated yet.
        known = None if actions is not None else self.memory.evaluation(proposal.evaluation)
        if known is None:
            self.executor.submit(self._candidate(proposal, actions))
        else:
            self._finished[proposal.episode] = known

    def _candidate(self, proposal: Proposal, actions: tuple[str, ...] | None) -> Candidate:
        """What the executor is asked to have evaluated."""
        model = proposal.model
        if actions is None:
            actions = tuple(str(action) for action in self.space.parse(model.architecture))
        context = self.early_stopping.context(proposal.episode, model) if self.early_stopping else None
        return Candidate(proposal.episode, model.architecture, self.plan.seed, actions, model.costs, context)

    def _tell_until(self, number: int) -> None:
        """Record and tell all episodes up to `number`, in order, waiting for their evaluations."""
        while self._told < number and (self._untold or self._in_flight):
            self._end_if_stopped()
            episode = self._untold.popleft() if self._untold else self._record(next(iter(self._in_flight.values())))
            self.strategy.tell(episode)
            self._position.tell()
            self._told = episode.number
            if time.monotonic() >= self._next_checkpoint:
                self._checkpoint()

    def _record(self, proposal: Proposal) -> Episode:
        """Wait for an episode's result and record both in one transaction."""
        if proposal.evaluation is None:
            earlier, evaluation = self.memory.last_episode_of(proposal.model.model), None
            assert earlier is not None, "a repeat comes after an episode of its model"
            number, score, is_predicted = earlier.evaluation, earlier.score, earlier.is_predicted
        else:
            evaluation = self._await(proposal)
            number, score = proposal.evaluation, evaluation.score
            is_predicted = evaluation.status is Status.EARLY_STOPPED
        episode = Episode(
            number=proposal.episode,
            iteration=proposal.iteration,
            recorded=proposal.recorded,
            model=proposal.model.model,
            architecture=proposal.model.architecture,
            evaluation=number,
            score=score,
            reward=self.reward(score, proposal.model.costs),
            reused=proposal.evaluation is None,
            origin=proposal.origin,
            is_predicted=is_predicted,
        )
        self.memory.record(episode, evaluation)
        del self._in_flight[proposal.episode]
        self._tally.count(episode)
        if self.early_stopping and evaluation is not None:
            self.early_stopping.learn(episode, partial(self._evaluated, episode))
        self._notify("on_episode", episode, self._status())
        return episode

    def _await(self, proposal: Proposal) -> Evaluation:
        """The evaluation of the episode whose turn it is; what ends ahead of its turn is made durable meanwhile."""
        while proposal.episode not in self._finished:
            ended: dict[int, Evaluation] = {}
            for event in self.executor.results(_POLL_SECONDS):
                self._notify("on_event", event)
                if isinstance(event, WorkerReady | WorkerLost):
                    self.memory.record_worker(event)
                elif isinstance(event, CandidateFinished):
                    ended[event.number] = event.evaluation
            self._finished |= ended
            if early := [(self._in_flight[number], ended[number]) for number in ended if number != proposal.episode]:
                self.memory.record_evaluations(early)
            self._end_if_stopped()
        return self._finished.pop(proposal.episode)

    def _end_if_stopped(self) -> None:
        if self.stop_requested():
            raise _StoppedError(Ending.INTERRUPTED)
        if self.plan.max_seconds is not None and self._elapsed_seconds() >= self.plan.max_seconds:
            raise _StoppedError(Ending.OUT_OF_TIME)

    def _restore(self) -> None:
        """Take up the search where its memory stands."""
        episodes = list(self.memory.episodes())
        proposals = list(self.memory.proposals())
        self._imported = sum(episode.origin is EpisodeOrigin.IMPORTED for episode in episodes)
        records: list[Episode | Proposal] = [*episodes, *proposals]
        for record in records:
            self._position.add(record)
        for episode in episodes:
            self._tally.count(episode)
            if self.early_stopping and not episode.reused and episode.origin is not EpisodeOrigin.IMPORTED:
                self.early_stopping.learn(episode, partial(self._evaluated, episode))
        self._in_flight |= {proposal.episode: proposal for proposal in proposals}
        as_of, values = self.memory.values()
        # A search that had ended and goes on with a larger budget has told more than its next proposal may know.
        if as_of <= self._known_to(self._position.last + 1) or self._is_complete():
            self.strategy.restore((e for e in episodes if e.number <= as_of), values)
            self._position.tell(as_of)
            self._told = as_of
        else:
            self._replace_values = True
        self._untold.extend(episode for episode in episodes if episode.number > self._told)
        self._next_checkpoint = time.monotonic() + self.plan.checkpoint_seconds

    def _evaluated(self, episode: Episode) -> tuple[Model, Evaluation]:
        """Model and evaluation of a recorded episode."""
        model, evaluation = self.memory.known_model(episode.architecture), self.memory.evaluation(episode.evaluation)
        assert model is not None, "an episode is recorded with its model"
        assert evaluation is not None, "and with its evaluation"
        return model, evaluation

    def _known_to(self, number: int) -> int:
        """The last episode that the proposal of episode `number` may know: what was imported, it knows at once."""
        return max(self._imported, number - self.plan.lookahead)

    def _checkpoint(self) -> None:
        began = time.monotonic()
        self.memory.checkpoint(self._told, self.strategy.snapshot(), replace=self._replace_values)
        self._replace_values = False
        now = time.monotonic()
        self._next_checkpoint = now + max(self.plan.checkpoint_seconds, (now - began) / _CHECKPOINT_SHARE)

    def _elapsed_seconds(self) -> float:
        return self.plan.elapsed_seconds + time.monotonic() - self._began

    def _status(self) -> SearchStatus:
        return self._tally.status(
            self.plan.models,
            time.monotonic() - self._began,
            self.plan.elapsed_seconds,
            self.strategy.describe_progress(self._position.context()).epsilon,
        )

    def _notify(self, method: str, *arguments: object) -> None:
        for observer in self.observers:
            getattr(observer, method)(*arguments)
