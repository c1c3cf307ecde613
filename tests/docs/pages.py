"""The pages of the documentation, and the snippets on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^( *)```([\w-]*)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_CHANGE = re.compile(r"<!-- test: (.+?) => (.+?) -->")
_FILE = re.compile(r"\A(?:#!.*\n)?(?:#|--) file: (\S+)")


@dataclass(frozen=True)
class Snippet:
    """A fenced block.

    Attributes:
        language: its info string.
        text: its content, shortened as comments before it say: `<!-- test: models=30 => models=2 -->`.
        line: where it begins, from 1.
        is_run: whether a test runs it.
        is_slow: whether `make test-all` alone does, as a comment before it says: `<!-- test: slow -->`.
        file: where its first line says that it is to be saved; in SQL, the database that is asked.
    """

    language: str
    text: str
    line: int
    is_run: bool
    is_slow: bool
    file: str | None

    @property
    def commands(self) -> str:
        """What a reader types at the prompt, as one script; a line that ends in a backslash goes on in the next."""
        lines, goes_on = [], False
        for line in self.text.splitlines():
            if line.startswith("$ ") or goes_on:
                lines.append(line if goes_on else line[2:])
                goes_on = line.endswith("\\")
        return "\n".join(lines)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def snippets(page: Path) -> Iterator[Snippet]:
    """The blocks of a page, from top to bottom.

    Raises:
        AssertionError: a comment asks for a change that has nothing to change.
    """
    text, end = page.read_text(encoding="utf-8"), 0
    for fence in _FENCE.finditer(text):
        indent, language, flags, content = fence.groups()
        content = re.sub(f"^{indent}", "", content, flags=re.MULTILINE)
        before = text[end : fence.start()]
        for old, new in _CHANGE.findall(before):
            assert old in content, f"{name_of(page)}: the comment before a block wants to change {old!r}"
            content = content.replace(old, new)
        end, line = fence.end(), text.count("\n", 0, fence.start()) + 1
        named = _FILE.match(content)
        yield Snippet(
            language, content, line, "no-run" not in flags, "<!-- test: slow -->" in before, named and named[1]
        )
    assert not _CHANGE.search(text[end:]), f"{name_of(page)}: a comment wants to change what does not follow"


def says(page: Path, word: str) -> bool:
    """Whether a page tells the tests something about itself."""
    return f"<!-- test: {word} -->" in page.read_text(encoding="utf-8")
