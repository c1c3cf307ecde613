"""What `metaqnn replay verify` says: what was proved, what is covered by hash chains alone, and what is not."""

from metaqnn.errors import counted
from metaqnn.replay.chain_check import ChainFindings
from metaqnn.replay.chain_contents import MAY_CHANGE, PATHS
from metaqnn.workflows.verify import UNPROVED, DatabaseVerification

_NOUNS = {
    "episodes": ("episode", "episodes"),
    "retrainings": ("retraining", "retrainings"),
    "test_looks": ("look at the test split", "looks at the test split"),
}


def verification_lines(found: DatabaseVerification) -> list[str]:
    """The lines under the first."""
    proved = ["architectures, costs, proposals, schedule, repeats, best scores, statuses, rewards, counts, checkpoints"]
    if found.retrainings:
        proved.append(f"of {_count(found.retrainings, 'retrainings')} architecture, size, status and score")
    if found.looks:
        score = "share" if found.is_share else "range of the score"
        proved.append(f"of {_count(found.looks, 'test_looks')} networks, data set and {score}")
    chained = [_chained(chain) for chain in found.chains if chain.head and chain.records]
    gaps = dict.fromkeys(chain.gap for chain in found.chains if chain.gap and chain.records)
    return [
        f"  Proved:       {'; '.join(proved)}.",
        f"  Only chained: {'; '.join(chained) or 'nothing'}.",
        *(f"  Gap:          {gap}" for gap in gaps),
        f"  Not proved:   {'; '.join(_unproved(found))}.",
        *(f"  Head:         {head}." for head in found.heads),
    ]


def records_of(chain: ChainFindings) -> str:
    """How many records a chain covers."""
    return _count(chain.records, chain.chain)


def _chained(chain: ChainFindings) -> str:
    """What a chain covers, with its head."""
    what = {
        "episodes": "configuration, measured scores, losses, figures and reasons of",
        "retrainings": "recipes, data, seeds, weights' names and curves of",
        "test_looks": "scores and commands of",
    }[chain.chain]
    sealed = f", {chain.unlinked} of them sealed when the chain began" if chain.unlinked else ""
    return f"{what} {records_of(chain)}{sealed} (head {chain.head})"


def _unproved(found: DatabaseVerification) -> list[str]:
    """Everything that nothing vouches for."""
    lines = [", ".join(UNPROVED)]
    if any(chain.head is None for chain in found.chains):
        unchained = [_count(chain.unlinked, chain.chain) for chain in found.chains if chain.unlinked]
        lines.append(f"what was measured of {', '.join(unchained)}: unchained, in a file of an older schema")
        lines.append("settings that change no proposal")
    else:
        lines.append(f"{', '.join((*MAY_CHANGE, *PATHS))} and versions of plugins in config")
    if found.ahead:
        lines.append(f"what was measured of {found.ahead} evaluated before their turn, not chained yet")
    if found.retrainings:
        lines.append("files of weights")
    if found.unended:
        lines.append(f"{_count(found.unended, 'retrainings')} not ended")
    if not found.q_values:
        lines.append("checkpoints.episode, as there are no values")
    return lines


def _count(number: int, chain: str) -> str:
    return counted(number, *_NOUNS[chain])
