"""Whether a database is what its hash chains say, and where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from metaqnn.replay.chain_contents import Query, config_content
from metaqnn.replay.hash_chains import CONTENTS, RECORDS, START, link_hash, seal_content, unlinked
from metaqnn.replay.migrations import CHAINS_SINCE
from metaqnn.replay.reader import ReplayReader

_NOUNS = {"episodes": "episode", "retrainings": "retraining", "test_looks": "look"}


@dataclass(frozen=True)
class ChainFindings:
    """What a chain covers.

    Attributes:
        chain: `episodes`, `retrainings` or `test_looks`.
        head: the hash of its last link; None where the file is of a schema that has no chains.
        records: that there are; all but those in progress.
        unlinked: those without a link of their own: sealed when the chain began, or, where there is none, unchained.
        gap: what a rescue lost, else empty.
        difference: the first difference in one sentence; None where everything is as it was recorded.
    """

    chain: str
    head: str | None
    records: int
    unlinked: int
    gap: str = ""
    difference: str | None = None


def read_chains(reader: ReplayReader) -> list[ChainFindings]:
    """Where each chain stands; nothing is compared."""
    return [_findings(reader, chain, _links(reader, chain)) for chain in CONTENTS]


def check_chains(reader: ReplayReader) -> list[ChainFindings]:
    """Compute every hash anew and compare.

    Links of retrainings that began anew since are taken as they are, as what they covered is gone.
    """
    with reader.snapshot():
        return [_checked(reader, chain) for chain in CONTENTS]


def config_difference(reader: ReplayReader) -> str | None:
    """Whether the configuration is what the chains began with: to be asked before anything is made of it."""
    with reader.snapshot():
        has_chains = reader.query("PRAGMA user_version")[1][0][0] >= CHAINS_SINCE
        for chain in CONTENTS if has_chains else ():
            links = _links(reader, chain)
            first = [kind for _, kind, *_ in links[:2]]
            if first[:1] != ["config"] and first != ["gap", "config"]:
                return f"hash chain of {chain}: it does not begin with the configuration, or is missing"
            if difference := _link_difference(reader, chain, links, first.index("config")):
                return difference
    return None


def find_head(reader: ReplayReader, head: str) -> str | None:
    """Which link of which chain has a hash, in words; None where none has."""
    _, rows = reader.query(
        """SELECT chain, link, (SELECT max(link) FROM hash_chains WHERE chain = h.chain) FROM hash_chains h
           WHERE hash = lower(?)""",
        (head,),
    )
    for chain, link, last in rows:
        since = "its last" if link == last else f"{last - link} more follow"
        return f"link {link} of the chain of {chain} ({since})"
    return None


def _links(reader: ReplayReader, chain: str) -> list[tuple[Any, ...]]:
    sql = "SELECT link, kind, record, note, hash FROM hash_chains WHERE chain = ? ORDER BY link"
    return reader.query(sql, (chain,))[1]


def _findings(reader: ReplayReader, chain: str, links: Sequence[tuple[Any, ...]]) -> ChainFindings:
    count = reader.query(f"SELECT count(*) FROM ({RECORDS[chain]})")[1][0][0]
    lacking = len(unlinked(_rows(reader), chain))
    gap = next((note for _, kind, _, note, _ in links if kind == "gap"), "")
    return ChainFindings(chain, links[-1][4] if links else None, count, lacking, gap)


def _checked(reader: ReplayReader, chain: str) -> ChainFindings:
    links = _links(reader, chain)
    found = _findings(reader, chain, links)
    last = {kind if record is None else record: index for index, (_, kind, record, *_) in enumerate(links)}
    differences = (
        _link_difference(reader, chain, links, index, is_past=last[kind if record is None else record] != index)
        for index, (_, kind, record, *_) in enumerate(links)
    )
    difference = next(filter(None, differences), None)
    if links and difference is None:
        ended = {number for (number,) in reader.query(RECORDS[chain])[1]}
        begun = {links[index][2] for index in last.values() if links[index][1] == "restart"}
        lacking = sorted(begun & ended) or ([] if "seal" in last else unlinked(_rows(reader), chain))
        if lacking:
            difference = f"hash chain of {chain}: {_NOUNS[chain]} {lacking[0]} has no link in it"
    return replace(found, difference=difference)


def _link_difference(
    reader: ReplayReader, chain: str, links: Sequence[tuple[Any, ...]], index: int, is_past: bool = False
) -> str | None:
    """What is wrong with a link, in one sentence; of one whose records have begun anew since, its number alone."""
    link, kind, record, note, digest = links[index]
    place = f"hash chain of {chain}, link {index + 1}"
    content: object = None
    if link != index + 1:
        return f"{place}: it is missing"
    if is_past:
        return None
    if kind == "config":
        content, what = config_content(_rows(reader)), "the configuration is not what it began with"
    elif kind == "seal":
        content, what = seal_content(_rows(reader), chain), f"one of the {chain} that it seals is not what it was"
    elif kind == "record":
        content, what = CONTENTS[chain](_rows(reader), record), f"{_NOUNS[chain]} {record} is not what was recorded"
    else:
        what = "it is not what was written"
    expected = link_hash(links[index - 1][4] if index else START, chain, kind, record, note, content)
    return None if digest == expected else f"{place}: {what} (its hash is {digest:.12}, but {expected:.12} follows)"


def _rows(reader: ReplayReader) -> Query:
    return lambda *statement: reader.query(*statement)[1]
