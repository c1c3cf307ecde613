"""Every link into the web of pages and sources; `make links` asks whether they are there, as no test may."""

import re
import sys
from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from pages import PAGES, ROOT

HOSTS = {"arxiv.org", "docs.ray.io", "optuna-dashboard.readthedocs.io", "ufldl.stanford.edu", "www.sqlite.org"}
"""What is linked to; a new host is looked at by a person, who adds it here."""

PLAIN = {"ufldl.stanford.edu"}
"""Those that offer no https; what comes from there is compared with a checksum."""

_LINK = re.compile(r"\b\w+://[^\s\])\"'<>`|]+")
_HERE = re.compile(r"https?://(127\.0\.0\.1|localhost)\b")
_REFUSING = {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.TOO_MANY_REQUESTS}


def web_links() -> dict[str, str]:
    """Each link with a place where it stands."""
    names = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "CITATION.cff", "benchmarks/RESULTS.md", "setup.cfg")
    sources = [path for path in (ROOT / "metaqnn").rglob("*") if path.suffix in (".py", ".yaml", ".sql", ".html")]
    found = {}
    for path in sorted([*PAGES, *(ROOT / name for name in names), *sources]):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for link in _LINK.findall(line):
                if link.startswith(("http:", "https:")) and not _HERE.match(link):
                    found.setdefault(link.rstrip(".,;:"), f"{path.relative_to(ROOT).as_posix()}:{number}")
    return found


def problem_of(link: str) -> str | None:
    """Why a link leads nowhere; a host that is there but lets no program in is none."""
    request = Request(link, method="HEAD", headers={"User-Agent": "Mozilla/5.0"})
    try:
        with urlopen(request, timeout=30):
            return None
    except HTTPError as error:
        return None if error.code in _REFUSING else f"{error.code} {error.reason}"
    except (URLError, OSError) as error:
        return str(getattr(error, "reason", error))


def main() -> None:
    """Ask for each, and say which are gone."""
    links = web_links()
    gone = {link: problem for link in links if (problem := problem_of(link))}
    for link, problem in gone.items():
        print(f"{links[link]}: {link}: {problem}")
    print(f"{len(links) - len(gone)} of {len(links)} links lead somewhere")
    sys.exit(bool(gone))


if __name__ == "__main__":
    main()
