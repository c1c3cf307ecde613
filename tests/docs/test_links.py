"""Every link leads somewhere: to a file, and to a heading of it; what is written beside the pages, too."""

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from pages import PAGES, ROOT, name_of
from web_links import HOSTS, PLAIN, problem_of, web_links

MADE = {"docs/reference/configuration.md", "docs/reference/python/package.md", "docs/changelog.md"}
"""Pages that `make docs` writes; it checks the links to their headings."""

OTHERS = [ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "benchmarks/RESULTS.md")]
_LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_OUTSIDE = re.compile(r"^(https?:|mailto:)")


def prose(page):
    """A page without its blocks and code."""
    text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page):
    """The headings of a page, as Python-Markdown makes anchors of them, and the anchors that it sets itself."""
    text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = set(re.findall(r"\{#([\w-]+)\}|<a (?:id|name)=\"([\w-]+)\"", text))
    found = {name for names in found for name in names if name}
    for heading in re.findall(r"^#+ +(.+)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()
        found.add(re.sub(r"[-\s]+", "-", slug))
    return found


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page):
    for target in _LINK.findall(prose(page)):
        if _OUTSIDE.match(target):
            continue
        path, _, anchor = unquote(target).partition("#")
        aim = (page.parent / path).resolve() if path else page
        if aim.is_relative_to(ROOT) and aim.relative_to(ROOT).as_posix() in MADE:
            continue
        assert aim.exists(), f"{name_of(page)}: {target}"
        assert not anchor or anchor in anchors(aim), f"{name_of(page)}: {target} names no heading"


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != ROOT], ids=name_of)
def test_a_page_of_the_documentation_links_to_pages_alone(page):
    """What lies outside docs/ is not on the built pages: it is named, not linked."""
    for target in _LINK.findall(prose(page)):
        if not _OUTSIDE.match(target) and target.partition("#")[0]:
            aim = (page.parent / target.partition("#")[0]).resolve()
            assert aim.is_relative_to(ROOT / "docs"), f"{name_of(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_only_files_that_are_there(page):
    for path in re.findall(r"`((?:metaqnn|tests|benchmarks|examples)/[\w/.]+)`", page.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), f"{name_of(page)}: {path}"


def test_links_into_the_web_are_encrypted_and_lead_to_hosts_that_someone_looked_at():
    links = web_links()
    hosts = {link: urlsplit(link).netloc for link in links}
    for link, host in hosts.items():
        assert host in HOSTS, f"{links[link]}: {link} leads to a new host: if it is right, add it to web_links.HOSTS"
        assert urlsplit(link).scheme == ("http" if host in PLAIN else "https"), f"{links[link]}: {link}"
    assert set(hosts.values()) == HOSTS >= PLAIN


def test_a_link_that_is_gone_is_told_from_one_that_lets_no_program_in():
    class Answers(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(int(self.path[1:]))
            self.end_headers()

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        found = [problem_of(f"{place}/{code}") for code in (200, 403, 404, 500)]
        server.shutdown()
    assert found == [None, None, "404 Not Found", "500 Internal Server Error"]
    assert "refused" in problem_of(f"{place}/200")


def test_the_readme_is_short_and_finished():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert all("@@" not in page.read_text(encoding="utf-8") for page in PAGES), "a placeholder was left"
