"""An experiment: one YAML file, checked, the parts that it names, and a run of its search.

The only place that knows all concrete classes.
"""

from metaqnn.workflows.components import (
    Parts,
    put_together,
    stored_budget,
    stored_experiment,
    stored_parts,
    stored_schedule,
    stored_space,
    verify_database,
)
from metaqnn.workflows.experiment import Experiment, load_experiment, read_experiment, shipped_experiments
from metaqnn.workflows.search import SearchOptions, SearchReport, default_database, run_search

__all__ = [
    "Experiment",
    "Parts",
    "SearchOptions",
    "SearchReport",
    "default_database",
    "load_experiment",
    "put_together",
    "read_experiment",
    "run_search",
    "shipped_experiments",
    "stored_budget",
    "stored_experiment",
    "stored_parts",
    "stored_schedule",
    "stored_space",
    "verify_database",
]
