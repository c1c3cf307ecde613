import sys
from pathlib import Path

import pytest

from metaqnn.config import as_mapping
from metaqnn.replay.reader import ReplayReader
from metaqnn.reports.findings import Findings, read_findings
from metaqnn.reports.provenance import Subject
from metaqnn.workflows import stored_experiment, stored_schedule

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))  # for the helper small_searches


@pytest.fixture(scope="session")
def find():
    """Read the findings of a database."""

    def call(database: Path, top: int = 3) -> Findings:
        with ReplayReader(database) as reader:
            config = reader.config()
            schedule = stored_schedule(config)
            return read_findings(reader, Subject(as_mapping(stored_experiment(reader)), schedule, config["data"]), top)

    return call


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory):
    """The file of a finished small search, not to be changed: 12 models, of which three failed."""
    from small_searches import run_small

    path = tmp_path_factory.mktemp("finished") / "small.sqlite"
    run_small(path)
    return path
