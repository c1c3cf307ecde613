"""The report of a search: what its database holds, as the page and the figures need it."""

from metaqnn.replay.reader import ReplayReader
from metaqnn.reports.domain import Domain
from metaqnn.reports.networks.domain import NetworkDomain
from metaqnn.reports.provenance import Subject
from metaqnn.reports.report_data import ReportData, read_report_data
from metaqnn.workflows.components import is_of_networks, stored_schedule, stored_sections

TOP = 10
"""So many of the best are looked at closely, unless somebody says otherwise."""


def read_report(reader: ReplayReader, top: int = TOP) -> ReportData:
    """Read all numbers of a report; no plug-in and no data set is loaded."""
    subject = Subject(stored_sections(reader), stored_schedule(reader), reader.config()["data"])
    domain = NetworkDomain() if is_of_networks(reader) else Domain()
    return read_report_data(reader, subject, top, domain)
