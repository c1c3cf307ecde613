"""What was imported from a file of the released code, and what was refused."""

from dataclasses import dataclass

from metaqnn.replay.importing import read_imported_rows
from metaqnn.replay.reader import ReplayReader

_EXAMPLES = 3

PROBLEMS = {
    "unparsed": "the network could not be read",
    "accuracy": "the accuracy is none in [0, 1]",
    "illegal": "the search space does not contain the network",
}
"""Why a row may be refused, in words."""


@dataclass(frozen=True)
class Refused:
    """The rows that were refused for one reason.

    Attributes:
        meaning: the reason in words.
        count: rows.
        examples: (row, network as written, reason), the first few.
    """

    meaning: str
    count: int
    examples: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class Imported:
    """An import.

    Attributes:
        rows: of the file.
        taken: rows that became episodes.
        episodes: that were imported, from a file or from another search.
        refused: by problem.
    """

    rows: int
    taken: int
    episodes: int
    refused: tuple[Refused, ...]


def read_imported(reader: ReplayReader) -> Imported:
    """Read what was imported; all zero where nothing was."""
    rows = read_imported_rows(reader)
    refused = []
    for problem, meaning in PROBLEMS.items():
        found = [(row.row, row.net, row.reason) for row in rows if row.problem == problem]
        if found:
            refused.append(Refused(meaning, len(found), tuple(found[:_EXAMPLES])))
    taken = sum(row.problem is None for row in rows)
    return Imported(len(rows), taken, reader.imported_episodes(), tuple(refused))
