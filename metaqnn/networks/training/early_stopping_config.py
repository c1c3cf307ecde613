"""The section `training.early_stopping`: by which rule trainings are stopped early."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from metaqnn.config import require


@dataclass(frozen=True, kw_only=True)
class EarlyStoppingConfig(ABC):
    """What all rules have.

    Attributes:
        min_networks: trained to the end before anything is stopped.
        control_share: of the networks, trained to the end all the same, to know how good the predictions are.
    """

    min_networks: int = 10
    control_share: float = 0.05

    def __post_init__(self) -> None:
        least = self._least_networks
        require(least <= self.min_networks <= 100_000, "min_networks", f"from {least} to 100000", self.min_networks)
        require(0.0 <= self.control_share <= 1.0, "control_share", "from 0 to 1", self.control_share)

    @property
    def _least_networks(self) -> int:
        return 5

    @property
    def best_rank(self) -> int:
        """The rank of the network, among those trained to the end, that must be equalled."""
        return 1

    @property
    def most_references(self) -> int:
        """The newest so many networks are learned from, so that a look costs the same however long the search is."""
        return 300

    @abstractmethod
    def looks(self, epochs: int, restart_epoch: int) -> Sequence[int]:
        """The epochs (from 1) after which a curve is looked at.

        Args:
            epochs: of every attempt.
            restart_epoch: the one after which an attempt must be better than chance.
        """

    @abstractmethod
    def check(self, epochs: int, restart_epoch: int) -> None:
        """Refuse a recipe in which nobody would ever look.

        Raises:
            KeyValueError: there is no epoch to look at.
        """


@dataclass(frozen=True, kw_only=True)
class TargetConfig(EarlyStoppingConfig):
    """What the rules have that predict whether a network stays below the best.

    Attributes:
        probability: a training is stopped when that of staying below the best is at least this.
        best: "the best" is the network of this rank among those trained to the end.
    """

    probability: float = 0.95
    best: int = 1

    def __post_init__(self) -> None:
        require(0.5 <= self.probability < 1.0, "probability", "from 0.5 to below 1", self.probability)
        require(1 <= self.best <= 1000, "best", "from 1 to 1000", self.best)
        super().__post_init__()

    @property
    def best_rank(self) -> int:
        """The rank of the network, among those trained to the end, that must be equalled."""
        return self.best


@dataclass(frozen=True, kw_only=True)
class RegressionConfig(TargetConfig):
    """A support vector regression of scikit-learn predicts what each will reach (Baker et al., arXiv 1705.10823).

    Attributes:
        first_share: of the epochs, after which the curve is first looked at.
        last_share: of the epochs, after which it is last looked at.
    """

    name: Literal["regression"] = "regression"
    probability: float = 0.99
    min_networks: int = 30
    control_share: float = 0.1
    first_share: float = 0.2
    last_share: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0.0 < self.first_share < 1.0, "first_share", "above 0 and below 1", self.first_share)
        expected = f"at least first_share ({self.first_share:g}) and below 1"
        require(self.first_share <= self.last_share < 1.0, "last_share", expected, self.last_share)

    @property
    def _least_networks(self) -> int:
        return 10

    @property
    def most_references(self) -> int:
        """Fewer: a regression is fitted six times in a look."""
        return 100

    def looks(self, epochs: int, restart_epoch: int) -> range:
        """The epochs between the two shares, never before it is known whether the network learns."""
        # Rounded first: 0.07 of 100 is a little more than 7 in binary.
        first, last = (round(share * epochs, 9) for share in (self.first_share, self.last_share))
        return range(max(2, math.ceil(first), restart_epoch), math.floor(last) + 1)

    def check(self, epochs: int, restart_epoch: int) -> None:
        """Refuse a recipe in which nobody would ever look."""
        expected = f"shares between which, of {epochs} epochs, one ends after training.restart_epoch"
        shares = self.first_share, self.last_share
        require(len(self.looks(epochs, restart_epoch)) > 0, "early_stopping", expected, shares)


@dataclass(frozen=True, kw_only=True)
class SuccessiveHalvingConfig(EarlyStoppingConfig):
    """Networks are stopped at rungs unless they are among the best that came so far (Li et al., arXiv 1810.05934).

    Attributes:
        first_rung: epochs before the first rung.
        reduction_factor: eta; one in so many goes on from a rung, and each rung stands at so many times the epochs of
            the one before.
    """

    name: Literal["successive_halving"] = "successive_halving"
    first_rung: int = 1
    reduction_factor: int = 4

    def __post_init__(self) -> None:
        require(1 <= self.first_rung <= 100_000, "first_rung", "from 1 to 100000", self.first_rung)
        require(2 <= self.reduction_factor <= 100, "reduction_factor", "from 2 to 100", self.reduction_factor)
        super().__post_init__()

    def looks(self, epochs: int, restart_epoch: int) -> tuple[int, ...]:
        """The rungs: r, r eta, r eta^2 ... before the last epoch."""
        rungs, rung = [], self.first_rung
        while rung < epochs:
            rungs.append(rung)
            rung *= self.reduction_factor
        return tuple(rungs)

    def check(self, epochs: int, restart_epoch: int) -> None:
        """Refuse a recipe without a rung."""
        expected = f"a first_rung before the last of {epochs} epochs"
        require(self.first_rung < epochs, "early_stopping", expected, self.first_rung)


@dataclass(frozen=True, kw_only=True)
class ExtrapolationConfig(TargetConfig):
    """The curves of the most alike networks say how a curve goes on."""

    name: Literal["extrapolation"] = "extrapolation"

    def looks(self, epochs: int, restart_epoch: int) -> range:
        """Every epoch but the last."""
        return range(1, epochs)

    def check(self, epochs: int, restart_epoch: int) -> None:
        """Refuse a recipe of one epoch."""
        require(epochs > 1, "early_stopping", "at least 2 training.epochs", epochs)
