"""Hash chains over what was measured and cannot be rebuilt: one over episodes, one over retrainings, one over looks.

Each link has the SHA-256 of the hash before it, as 64 hexadecimal digits in ASCII (64 zeros before the first), and of
the canonical bytes (`metaqnn.replay.canonical`) of [chain, kind, record, note, content]. The kinds of links:

- `gap`: the chain begins anew after a rescue; `note` says what is missing. No content.
- `config`: the configuration. It comes first, or after a gap.
- `seal`: [count, digest] of records that no link names: those that were there before there were chains, or that were
  imported. `digest` is the SHA-256 in hexadecimal of their contents one after another, in the order of their numbers,
  and in the chain of episodes of the rows of an imported file after them. Only the last seal of a chain counts.
- `record`: an episode, a retraining that ended, or a look, in the order in which they were recorded, ended or made.
  What `metaqnn.replay.chain_contents` says of it.
- `restart`: a retraining that had ended begins anew; what earlier links say of it is past. No content.

Equal searches have equal chains of episodes, whatever the number of workers. Retrainings side by side may end in
another order.
"""

import sqlite3
from collections.abc import Iterable
from hashlib import sha256

from metaqnn.replay.canonical import encode
from metaqnn.replay.chain_contents import (
    Query,
    config_content,
    episode_content,
    imported_contents,
    look_content,
    retraining_content,
)

_LAST = "SELECT link, hash FROM hash_chains WHERE chain = ? ORDER BY link DESC LIMIT 1"

START = "0" * 64
"""Stands for the hash before the first link."""

CONTENTS = {"episodes": episode_content, "retrainings": retraining_content, "test_looks": look_content}
"""The chains, and what a record of each is made of."""

RECORDS = {
    "episodes": "SELECT episode AS number FROM replay",
    "retrainings": "SELECT final AS number FROM finals WHERE status != 'training'",
    "test_looks": "SELECT look AS number FROM test_looks",
}
"""The numbers of the records that a chain covers."""


def link_hash(before: str, chain: str, kind: str, record: int | None, note: str, content: object) -> str:
    """The hash of a link, from the hash before it."""
    return sha256(before.encode() + encode([chain, kind, record, note, content])).hexdigest()


def add_link(
    connection: sqlite3.Connection,
    chain: str,
    kind: str,
    record: int | None = None,
    content: object = None,
    note: str = "",
) -> None:
    """Extend a chain; the caller holds the transaction that writes the record."""
    link, before = connection.execute(_LAST, (chain,)).fetchone() or (0, START)
    digest = link_hash(before, chain, kind, record, note, content)
    connection.execute(
        "INSERT INTO hash_chains VALUES (?, ?, ?, ?, ?, ?)", (chain, link + 1, kind, record, note, digest)
    )


def begin_chains(connection: sqlite3.Connection, gap: str = "") -> None:
    """Begin every chain with the configuration, and seal what is recorded already; the caller holds the transaction.

    Args:
        connection: to a database of the current schema.
        gap: what is missing, in one sentence, where a damaged database was rescued: the chains that it had are
            replaced, and each names the gap, the hash that it had come to, and the gaps of earlier rescues.
    """
    for chain in CONTENTS:
        if gap:
            _, before = connection.execute(_LAST, (chain,)).fetchone() or (0, "nothing")
            earlier = connection.execute("SELECT note FROM hash_chains WHERE chain = ? AND kind = 'gap'", (chain,))
            past = "".join(f"; before that: {note}" for (note,) in earlier)
            note = f"{gap} (the chain before had come to {before}){past}"
            connection.execute("DELETE FROM hash_chains WHERE chain = ?", (chain,))
            add_link(connection, chain, "gap", note=note)
        add_link(connection, chain, "config", content=config_content(connection.execute))
        _seal(connection, chain)


def link_record(connection: sqlite3.Connection, chain: str, number: int, content: object = None) -> None:
    """Extend a chain by a record; the caller holds the transaction that writes it.

    Args:
        connection: to the database.
        chain: which.
        number: of the episode, the retraining that ended, or the look.
        content: of it; None reads it from its rows.
    """
    if content is None:
        content = CONTENTS[chain](connection.execute, number)
    add_link(connection, chain, "record", number, content)


def link_restart(connection: sqlite3.Connection, retraining: int) -> None:
    """Say that a retraining begins anew, before its rows are changed; the caller holds the transaction."""
    add_link(connection, "retrainings", "restart", retraining)
    _seal(connection, "retrainings")  # it may have been among the sealed


def unlinked(query: Query, chain: str) -> list[int]:
    """The records that no link names, in the order of their numbers."""
    sql = f"""SELECT number FROM ({RECORDS[chain]}) WHERE number NOT IN (
                  SELECT record FROM hash_chains WHERE chain = ? AND record IS NOT NULL) ORDER BY number"""
    return [number for (number,) in query(sql, (chain,))]


def seal_content(query: Query, chain: str) -> list[object]:
    """Count and digest of what no link names."""
    numbers, digest = unlinked(query, chain), sha256()
    contents: Iterable[object] = (CONTENTS[chain](query, number) for number in numbers)
    for content in contents:
        digest.update(encode(content))
    for content in imported_contents(query) if chain == "episodes" else ():
        digest.update(encode(content))
    return [len(numbers), digest.hexdigest()]


def _seal(connection: sqlite3.Connection, chain: str) -> None:
    content = seal_content(connection.execute, chain)
    if content != [0, sha256().hexdigest()]:
        add_link(connection, chain, "seal", content=content)
