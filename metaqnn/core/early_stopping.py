"""The contract of early stopping: which evaluations end before their time, as reproducibly as a proposal."""

from abc import ABC, abstractmethod

from metaqnn.core.episode import Episode, Model
from metaqnn.core.evaluation import Evaluation


class EarlyStopping(ABC):
    """Gathers what is known as episodes are told, and hands out what each candidate may be judged by."""

    @abstractmethod
    def learn(self, episode: Episode, model: Model, evaluation: Evaluation) -> None:
        """Take note of an episode that was evaluated; called in the order of telling."""

    @abstractmethod
    def context(self, number: int, model: Model) -> object | None:
        """What episode `number` may be stopped by; picklable; None while too little is known."""

    @abstractmethod
    def difference(self, number: int, model: Model, evaluation: Evaluation) -> tuple[str, object, object] | None:
        """What of a recorded evaluation does not follow from its curve and the context of its episode.

        Returns:
            what differs, as it is recorded, and as it follows; None where nothing does.
        """
