"""What was imported from a file, and what was refused."""

from dataclasses import dataclass

from metaqnn.replay.importing import read_imported_rows
from metaqnn.replay.reader import ReplayReader

_EXAMPLES = 3

_MEANINGS = {"unparsed": "it could not be read", "illegal": "the search space does not contain it"}
_NO_SCORE = "its score is none"


@dataclass(frozen=True)
class Refused:
    """The rows refused for one reason, and the first few of them: (row, architecture as written, reason)."""

    meaning: str
    count: int
    examples: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class Imported:
    """An import: the rows of the file, those taken and those refused, and all episodes from it or another search."""

    rows: int
    taken: int
    episodes: int
    refused: tuple[Refused, ...]


def read_imported(reader: ReplayReader) -> Imported:
    """Read what was imported; all zero where nothing was."""
    rows = read_imported_rows(reader)
    problems = dict.fromkeys(row.problem for row in rows if row.problem is not None)
    refused = []
    for problem in sorted(problems, key=lambda problem: {"unparsed": 0, "illegal": 2}.get(problem, 1)):
        found = [(row.row, row.net, row.reason) for row in rows if row.problem == problem]
        refused.append(Refused(_MEANINGS.get(problem, _NO_SCORE), len(found), tuple(found[:_EXAMPLES])))
    taken = sum(row.problem is None for row in rows)
    return Imported(len(rows), taken, reader.imported_episodes(), tuple(refused))
