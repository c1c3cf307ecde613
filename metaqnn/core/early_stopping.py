"""The contract of early stopping: which evaluations end before their time, as reproducibly as a proposal."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from metaqnn.core.episode import Episode, Model
from metaqnn.core.evaluation import Evaluation


class EarlyStopping(ABC):
    """Gathers what is known as episodes are told, and hands out what each candidate may be judged by."""

    @abstractmethod
    def learn(self, episode: Episode, read: Callable[[], tuple[Model, Evaluation]]) -> None:
        """Take note of an episode that was evaluated; called in the order of telling.

        Args:
            episode: with what it counts as.
            read: reads its model and its evaluation, for those who need their curve: a long search that is resumed has
                too many to read them all.
        """

    @abstractmethod
    def context(self, number: int, model: Model) -> object | None:
        """What episode `number` may be stopped by; picklable; None while too little is known."""

    @abstractmethod
    def difference(self, number: int, model: Model, evaluation: Evaluation) -> tuple[str, object, object] | None:
        """What of a recorded evaluation does not follow from its curve and the context of its episode.

        Returns:
            what differs, as it is recorded, and as it follows; None where nothing does.
        """
