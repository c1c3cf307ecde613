"""What an import took from its file and what it refused, as tables for people and programs."""

from metaqnn.replay.leaderboard import best_model
from metaqnn.replay.reader import ReplayReader
from metaqnn.replay.tables import Table, plain_table, scored_table, share_columns


def imports(reader: ReplayReader) -> Table:
    """What an imported database took from its file, and what it refused, by the kind of problem."""
    _, rows = reader.query("SELECT count(*), count(episode), (SELECT count(*) FROM models) FROM imported_rows")
    total, taken, networks = rows[0]
    problems = dict(reader.query("SELECT problem, count(*) FROM imported_rows GROUP BY problem")[1])
    counts = {name: problems.get(kind, 0) for name, kind in _PROBLEMS.items()}
    best, name = best_model(reader), f"best_{reader.score().name}"
    return Table(
        "Imported episodes",
        ("rows", "episodes", "models", "repeats", *counts, "best_model", name, "best_architecture"),
        (
            (
                *(total, taken, networks, taken - networks, *counts.values()),
                *((best.model, best.score, best.architecture) if best else (None, None, None)),
            ),
        ),
        share_columns(reader, (name,)),
    )


_PROBLEMS = {"unparsed": "unparsed", "bad_score": "accuracy", "illegal": "illegal"}
"""Column -> why rows of a file were refused, as it is recorded."""


def imported_stages(reader: ReplayReader) -> Table:
    """What each epsilon of an imported database gave, in the order of its file."""
    return scored_table(
        reader,
        "By epsilon",
        """SELECT epsilon, count(*) AS episodes, sum(1 - reused) AS models, avg(score) AS mean_SCORE,
                  iif((SELECT sign FROM score_sign) > 0, max(score), min(score)) AS best_SCORE
           FROM replay GROUP BY epsilon ORDER BY min(episode)""",
    )


def refused_rows(reader: ReplayReader, count: int) -> Table:
    """Rows that were refused, the first `count` of each problem."""
    return plain_table(
        reader,
        "Refused rows",
        """SELECT row, problem, reason, net FROM (
               SELECT *, row_number() OVER (PARTITION BY problem ORDER BY row) AS place
               FROM imported_rows WHERE problem IS NOT NULL)
           WHERE place <= ? ORDER BY problem, row""",
        (count,),
    )
