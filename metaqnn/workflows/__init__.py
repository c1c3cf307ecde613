"""What users do: search, resume, retrain, evaluate, compare, enumerate, import; the only room that knows all others."""

from metaqnn.workflows.components import (
    Components,
    build_components,
    is_of_networks,
    stored_budget,
    stored_components,
    stored_experiment,
    stored_schedule,
    stored_sections,
    stored_space,
    subject_of,
)
from metaqnn.workflows.experiment import Experiment, read_experiment
from metaqnn.workflows.find_experiment import load_experiment, shipped_experiments
from metaqnn.workflows.search import SearchReport, default_database, run_search
from metaqnn.workflows.search_options import SearchOptions
from metaqnn.workflows.verify import verify_database

__all__ = [
    "Components",
    "Experiment",
    "SearchOptions",
    "SearchReport",
    "build_components",
    "default_database",
    "is_of_networks",
    "load_experiment",
    "read_experiment",
    "run_search",
    "shipped_experiments",
    "stored_budget",
    "stored_components",
    "stored_experiment",
    "stored_schedule",
    "stored_sections",
    "stored_space",
    "subject_of",
    "verify_database",
]
