import sys
from pathlib import Path

import pytest

from metaqnn.replay.reader import ReplayReader
from metaqnn.reports.domain import Domain
from metaqnn.reports.networks.domain import NetworkDomain
from metaqnn.reports.provenance import Subject
from metaqnn.reports.report_data import ReportData, read_report_data
from metaqnn.workflows import is_of_networks, stored_schedule, stored_sections

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))  # for the helper small_searches


@pytest.fixture(scope="session")
def find():
    """Read the report data of a database, as `metaqnn report` does."""

    def call(database: Path, top: int = 3) -> ReportData:
        with ReplayReader(database) as reader:
            subject = Subject(stored_sections(reader), stored_schedule(reader), reader.config()["data"])
            return read_report_data(reader, subject, top, NetworkDomain() if is_of_networks(reader) else Domain())

    return call


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory):
    """The file of a finished small search, not to be changed: 12 models, of which three failed."""
    from small_searches import run_small

    path = tmp_path_factory.mktemp("finished") / "small.sqlite"
    run_small(path)
    return path
