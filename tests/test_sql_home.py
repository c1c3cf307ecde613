"""One home for SQL (DESIGN.md): outside of `replay/` nothing holds a statement, runs one, or knows SQLite."""

import ast
import re

import pytest
from test_layers import MODULES, room_of

STATEMENT = re.compile(
    r"\b(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\b|UPDATE\s+\w+\s+SET\b|DELETE\s+FROM\b|PRAGMA\s"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|VIEW|INDEX)\b)"
)
"""Statements are written in capitals here; in small letters the words are English."""


def statements_in(source: str) -> list[int]:
    """The lines of a module on which a text with a statement begins, or a method `query` is called."""
    found = []
    for node in ast.walk(ast.parse(source)):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.search(node.value)
        called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        is_import = isinstance(node, ast.Import) and any(alias.name == "sqlite3" for alias in node.names)
        is_import |= isinstance(node, ast.ImportFrom) and node.module == "sqlite3"
        if is_text or called.lstrip("_") == "query" or is_import:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize(
    "code",
    [
        'sql = "SELECT 1"',
        'sql = f"SELECT\\n {columns} FROM models"',
        'sql = f"{insert} INSERT OR REPLACE INTO q_values VALUES (?)"',
        '"UPDATE runs SET device = ?"',
        '"DELETE FROM proposals"',
        '"PRAGMA user_version"',
        '"CREATE TABLE t (a)"',
        "reader.query(sql)",
        "import sqlite3",
        "from sqlite3 import connect",
    ],
)
def test_a_statement_is_found(code):
    assert statements_in(code) == [1]


@pytest.mark.parametrize("code", ['"select members; update the rest, set it down"', "query(1)", "# SELECT 1"])
def test_plain_words_are_none(code):
    assert statements_in(code) == []


def test_statements_stand_in_replay_alone():
    homes = {room_of(module) for module, path in MODULES.items() if statements_in(path.read_text(encoding="utf-8"))}
    assert homes == {"replay"}
