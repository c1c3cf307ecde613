import sys
from pathlib import Path

import pytest

from metaqnn.replay.reader import ReplayReader
from metaqnn.reports.report_data import ReportData
from metaqnn.workflows.report import read_report

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))  # for the helper small_searches


@pytest.fixture(scope="session")
def find():
    """Read the report data of a database, as `metaqnn report` does."""

    def call(database: Path, top: int = 3) -> ReportData:
        with ReplayReader(database) as reader:
            return read_report(reader, top)

    return call


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory):
    """The file of a finished small search, not to be changed: 12 models, of which three failed."""
    from small_searches import run_small

    path = tmp_path_factory.mktemp("finished") / "small.sqlite"
    run_small(path)
    return path
