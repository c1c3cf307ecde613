"""The contracts of a search and its records, for those who implement one and for those who use them."""

from metaqnn.core.dataset import Dataset, Note, Split, TargetKind
from metaqnn.core.early_stopping import EarlyStopping
from metaqnn.core.episode import Candidate, Episode, EpisodeOrigin, Model, Proposal, QValue
from metaqnn.core.evaluation import (
    RETRYABLE,
    Attempt,
    CurvePoint,
    Evaluation,
    Prediction,
    Status,
    score_of_curve,
    scored,
)
from metaqnn.core.evaluator import Evaluator, Limits, Place, Report, Setting
from metaqnn.core.events import (
    CandidateFinished,
    CandidateStarted,
    EpochFinished,
    Event,
    Notice,
    WorkerLost,
    WorkerReady,
    WorkerSaid,
)
from metaqnn.core.executor import HANG_SECONDS, Executor, SpeedMeasurement
from metaqnn.core.memory import ReplayMemory
from metaqnn.core.observer import Observer, SearchStatus
from metaqnn.core.options import NoOptions
from metaqnn.core.recording import Recording, StoredEvaluation
from metaqnn.core.retraining import TRAINING, Retraining, TestCheck, TestLook, TrainingSplit, share_interval
from metaqnn.core.reward import Reward
from metaqnn.core.score import Score
from metaqnn.core.search_observer import ObservedEpisode, ObservedSearch, SearchObserver
from metaqnn.core.space import Action, Space, State
from metaqnn.core.strategy import Context, Expectation, Exploration, PendingEpisode, Strategy
from metaqnn.core.trajectory import Step, Trajectory

__all__ = [
    "HANG_SECONDS",
    "RETRYABLE",
    "TRAINING",
    "Action",
    "Attempt",
    "Candidate",
    "CandidateFinished",
    "CandidateStarted",
    "Context",
    "CurvePoint",
    "Dataset",
    "EarlyStopping",
    "Episode",
    "EpisodeOrigin",
    "EpochFinished",
    "Evaluation",
    "Evaluator",
    "Event",
    "Executor",
    "Expectation",
    "Exploration",
    "Limits",
    "Model",
    "NoOptions",
    "Note",
    "Notice",
    "ObservedEpisode",
    "ObservedSearch",
    "Observer",
    "PendingEpisode",
    "Place",
    "Prediction",
    "Proposal",
    "QValue",
    "Recording",
    "ReplayMemory",
    "Report",
    "Retraining",
    "Reward",
    "Score",
    "SearchObserver",
    "SearchStatus",
    "Setting",
    "Space",
    "SpeedMeasurement",
    "Split",
    "State",
    "Status",
    "Step",
    "StoredEvaluation",
    "Strategy",
    "TargetKind",
    "TestCheck",
    "TestLook",
    "TrainingSplit",
    "Trajectory",
    "WorkerLost",
    "WorkerReady",
    "WorkerSaid",
    "score_of_curve",
    "scored",
    "share_interval",
]
