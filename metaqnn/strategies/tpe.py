"""The tree-structured Parzen estimator of Optuna: for comparison, where that package is installed.

Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization (NIPS 2011); Akiba et al., Optuna (KDD 2019).
Every decision is a categorical parameter, named by its place and by what is legal there, so that a network is defined
by running through it, as Optuna means it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from metaqnn.config import require
from metaqnn.core import Context, Episode, Space, Trajectory
from metaqnn.seeding import integer_seed
from metaqnn.strategies.schedule import ScheduleConfig, ScheduledStrategy, imported


@dataclass(frozen=True)
class TPEConfig(ScheduleConfig):
    """The section `strategy` for `name: tpe`.

    Attributes:
        random_first: so many episodes are random; the default is Optuna's.
    """

    name: Literal["tpe"]
    preset: Literal["default"] = "default"
    random_first: int = 10

    def __post_init__(self) -> None:
        require(1 <= self.random_first <= 1_000_000, "random_first", "from 1 to 1000000", self.random_first)
        super().__post_init__()


class TPE(ScheduledStrategy[TPEConfig]):
    """Optuna's sampler, seeded anew for every episode.

    Raises:
        ConfigError: Optuna is not installed.
    """

    Options = TPEConfig
    PRESETS: ClassVar = {"default": {}}

    def __init__(self, options: TPEConfig, space: Space, seed: int):
        super().__init__(options, space, seed)
        optuna = imported("tpe", "optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(storage=self._storage, study_name="metaqnn", direction="maximize")
        self._choices: dict[str, Any] = {}

    def _propose(self, context: Context, epsilon: float) -> Trajectory:
        """Sample every decision from what the best fifth or so of the episodes chose there, against the others."""
        seed = integer_seed(self.seed, "tpe", context.number)
        sampler = self._optuna.samplers.TPESampler(seed=seed, n_startup_trials=self.config.random_first)
        # A study of its own: each remembers the trials that it saw first.
        study = self._optuna.load_study(study_name="metaqnn", storage=self._storage, sampler=sampler)
        trial = self._optuna.trial.create_trial(state=self._optuna.trial.TrialState.RUNNING)
        place = 0

        def choose(_: str, choices: tuple[str, ...]) -> int:
            nonlocal place
            name, distribution = self._parameter(place, choices)
            place += 1
            return choices.index(sampler.sample_independent(study, trial, name, distribution))

        return self.space.walk(choose)

    def tell(self, episode: Episode) -> None:
        """Add a trial."""
        super().tell(episode)
        steps = self.space.trajectory(episode.architecture).steps
        distributions = dict(self._parameter(place, step.choices) for place, step in enumerate(steps))
        self._study.add_trial(
            self._optuna.trial.create_trial(
                value=episode.reward,
                params=dict(zip(distributions, (step.action for step in steps), strict=True)),
                distributions=distributions,
            )
        )

    def _parameter(self, place: int, choices: tuple[str, ...]) -> tuple[str, Any]:
        """The name and the distribution of a decision; the same name always has the same choices."""
        name = f"{place}: {' | '.join(choices)}"
        if name not in self._choices:
            self._choices[name] = self._optuna.distributions.CategoricalDistribution(choices)
        return name, self._choices[name]
