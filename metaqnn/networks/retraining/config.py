"""The section `final`: how the best networks are trained again after a search."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from metaqnn.config import nearest, read_section, require
from metaqnn.errors import ConfigError, shown
from metaqnn.networks.data import Preprocessing


@dataclass(frozen=True, kw_only=True)
class RetrainingConfig(ABC):
    """What every retraining recipe has; a recipe adds its learning rates.

    Attributes:
        batch_size: images a step.
        optimizer: `sgd` with momentum, or `adamw`.
        momentum: of `sgd`.
        nesterov: whether that momentum is Nesterov's.
        weight_decay: gradient per unit of weight with `sgd`, decoupled from the gradient with `adamw`; on kernels.
        label_smoothing: share of the target that is spread over all classes.
        dropout: whether dropout i / (2n) follows every two layers, as in the search.
        batch_normalization: whether it stands between every convolution or fully connected layer and its ReLU.
        mirror: whether images are mirrored at random; None is what the data set's section says.
        shift: images are shifted at random by up to so many pixels either way; None is an eighth of the shorter side.
        preprocessing: how pixels become numbers; None is what the data set's section says.
        precision: `auto` computes in bfloat16 on a GPU, with weights and updates in float32; `float32` never does.
        repeats: of networks of blocks, blocks in each stack; None is as many as in the search.
        filters: of networks of blocks, those of each stack, of which there may be more or fewer; None is as in the
            search. Deeper and wider is how BlockQNN goes to other data sets and larger images.
    """

    batch_size: int = 128
    optimizer: Literal["sgd", "adamw"] = "sgd"
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 0.0005
    label_smoothing: float = 0.0
    dropout: bool = True
    batch_normalization: bool = False
    mirror: bool | None = None
    shift: int | None = None
    preprocessing: Preprocessing | None = None
    precision: Literal["auto", "float32"] = "auto"
    repeats: int | None = None
    filters: tuple[int, ...] | None = None

    def __post_init__(self):
        repeats, filters = self.repeats, self.filters
        require(repeats is None or 1 <= repeats <= 100, "repeats", "from 1 to 100, or nothing", repeats)
        are_filters = filters is None or (bool(filters) and all(1 <= each <= 10_000 for each in filters))
        require(are_filters, "filters", "numbers from 1 to 10000, one for each stack, or nothing", filters)
        require(1 <= self.batch_size <= 2**20, "batch_size", "from 1 to 1048576", self.batch_size)
        require(0.0 <= self.momentum < 1.0, "momentum", "at least 0 and below 1", self.momentum)
        require(0.0 <= self.weight_decay < 1.0, "weight_decay", "at least 0 and below 1", self.weight_decay)
        require(0.0 <= self.label_smoothing < 1.0, "label_smoothing", "at least 0 and below 1", self.label_smoothing)
        require(self.shift is None or 0 <= self.shift <= 64, "shift", "from 0 to 64 pixels, or nothing", self.shift)

    @property
    @abstractmethod
    def num_epochs(self) -> int:
        """Epochs in all."""

    @abstractmethod
    def rate(self, progress: float) -> float:
        """The learning rate after `progress` epochs, a number in [0, num_epochs]."""


@dataclass(frozen=True, kw_only=True)
class OneCycleConfig(RetrainingConfig):
    """A short modern recipe: the rate rises to its peak and falls to zero in one cycle (Smith & Topin, 2018).

    Attributes:
        epochs: in all.
        learning_rate: the peak.
        warmup: share of the epochs in which the rate rises, from a 25th of the peak.
    """

    name: Literal["one_cycle"] = "one_cycle"
    epochs: int = 30
    learning_rate: float = 0.1
    warmup: float = 0.25
    preprocessing: Preprocessing | None = "global_contrast"  # a deviation of each pixel does not bear shifts
    label_smoothing: float = 0.1
    dropout: bool = False
    batch_normalization: bool = True

    _START: ClassVar[float] = 1 / 25

    def __post_init__(self):
        super().__post_init__()
        require(1 <= self.epochs <= 100_000, "epochs", "from 1 to 100000", self.epochs)
        require(0.0 < self.learning_rate < math.inf, "learning_rate", "above 0", self.learning_rate)
        require(0.0 <= self.warmup <= 1.0, "warmup", "from 0 to 1", self.warmup)

    @property
    def num_epochs(self) -> int:
        """Epochs in all."""
        return self.epochs

    def rate(self, progress: float) -> float:
        """A straight rise, then half a cosine down to zero."""
        rising = self.warmup * self.epochs
        if progress < rising:
            return self.learning_rate * (self._START + (1.0 - self._START) * progress / rising)
        falling = self.epochs - rising
        share = min(1.0, (progress - rising) / falling) if falling else 1.0
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * share))


@dataclass(frozen=True, kw_only=True)
class PaperConfig(RetrainingConfig):
    """The paper's schedule for CIFAR-10 (Baker et al., ICLR 2017, appendix; momentum and decay: the released code).

    Attributes:
        stages: [learning rate, epochs], one after the other. For SVHN the paper has
            [[0.025, 5], [0.0125, 5], [0.0001, 20], [0.00001, 10]].
    """

    name: Literal["paper"] = "paper"
    stages: tuple[tuple[float, int], ...] = ((0.025, 40), (0.0125, 40), (0.0001, 160), (0.00001, 60))
    nesterov: bool = False
    shift: int | None = 5
    mirror: bool | None = True
    preprocessing: Preprocessing | None = "global_contrast"

    def __post_init__(self):
        super().__post_init__()
        require(bool(self.stages), "stages", "at least one stage [learning rate, epochs]", list(self.stages))
        for rate, epochs in self.stages:
            require(0.0 < rate < math.inf, "stages", "learning rates above 0", rate)
            require(1 <= epochs <= 100_000, "stages", "from 1 to 100000 epochs in every stage", epochs)

    @property
    def num_epochs(self) -> int:
        """Epochs of all stages."""
        return sum(epochs for _, epochs in self.stages)

    def rate(self, progress: float) -> float:
        """The rate of the stage that the epoch belongs to."""
        for rate, epochs in self.stages:
            if progress < epochs:
                return rate
            progress -= epochs
        return self.stages[-1][0]


RECIPES: Mapping[str, type[RetrainingConfig]] = {"one_cycle": OneCycleConfig, "paper": PaperConfig}
"""The retraining recipes by name; the first is meant where none is named."""


def read_recipe(content: Any, file: str) -> RetrainingConfig:
    """The checked section `final`.

    Args:
        content: what the YAML holds; None is the default recipe.
        file: for messages.

    Raises:
        ConfigError: there is no such recipe or key, or a value that it refuses.
    """
    content = {} if content is None else content
    if not isinstance(content, Mapping):
        raise ConfigError(f"{file}: final: expected keys and values such as 'name: one_cycle', got {shown(content)}")
    name = content.get("name", next(iter(RECIPES)))
    if not isinstance(name, str) or name not in RECIPES:
        raise ConfigError(f"{file}: final.name: there is no recipe {shown(name)}; {nearest(str(name), RECIPES)}")
    return read_section(RECIPES[name], content, "final", file)
