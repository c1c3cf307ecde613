"""What the machines of a cluster did in a search."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from metaqnn.replay.reader import ReplayReader


@dataclass(frozen=True)
class NodeUse:
    """What one machine did.

    Attributes:
        node: its name; empty for the search's own.
        device: what it evaluated on.
        candidates: evaluations that ended there.
        failed: those of them that failed.
        hours: of evaluating, over all its workers.
        workers: worker processes that became ready there.
        lost: workers that were lost there.
        kind: processor and versions there; {} where nobody asked.
    """

    node: str
    device: str
    candidates: int
    failed: int
    hours: float
    workers: int
    lost: int
    kind: Mapping[str, str]


def read_nodes(reader: ReplayReader) -> tuple[NodeUse, ...]:
    """Every machine that evaluated or had a worker, by name; empty for a search that never was on a cluster."""
    _, rows = reader.query(
        """WITH nodes AS (SELECT DISTINCT node FROM evaluations UNION SELECT DISTINCT node FROM worker_events)
           SELECT node,
                  ifnull((SELECT max(device) FROM evaluations e WHERE e.node = n.node), ''),
                  (SELECT count(*) FROM evaluations e WHERE e.node = n.node),
                  (SELECT count(*) FROM evaluations e WHERE e.node = n.node AND status NOT IN ('ok', 'predicted')),
                  (SELECT ifnull(sum(train_seconds), 0) / 3600 FROM evaluations e WHERE e.node = n.node),
                  (SELECT count(*) FROM worker_events w WHERE w.node = n.node AND kind = 'ready'),
                  (SELECT count(*) FROM worker_events w WHERE w.node = n.node AND kind = 'lost'),
                  ifnull((SELECT machine FROM worker_events w WHERE w.node = n.node AND kind = 'ready'
                          ORDER BY event DESC LIMIT 1), '{}')
           FROM nodes n ORDER BY node"""
    )
    found = tuple(NodeUse(*(*row[:-1], json.loads(row[-1]))) for row in rows)
    return found if any(each.node for each in found) else ()
