"""`make docs`: without warnings, in under a minute, and pages that ask no other server for anything."""

import os
import re
import subprocess
import sys
import time

import pytest
from pages import ROOT
from patience import is_within

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The pages, built in a process without a way to a network (proxies that are not there)."""
    site, began = tmp_path_factory.mktemp("docs") / "site", time.monotonic()
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=ROOT,
        env=os.environ | nowhere | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "WARNING" not in ran.stderr
    assert is_within(began, 60)
    return site


def test_every_page_is_there_and_loads_nothing_from_elsewhere(built):
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert not [page for page in pages if not (built / page).exists()]
    for page in built.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=\"(?:https?:)?//[^\"]*\"", text), page
        loaded = re.findall(r"<link[^>]*rel=\"(?:stylesheet|preconnect|icon)\"[^>]*>", text)
        assert not [link for link in loaded if "://" in link], page


def test_the_reference_has_commands_keys_and_docstrings(built):
    commands = (built / "reference" / "commands.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in commands or f"{name}</h" in commands for name in ("metaqnn-search", "metaqnn-replay"))
    assert "--max-time" in commands
    configuration = (built / "reference" / "configuration.html").read_text(encoding="utf-8")
    assert 'id="trainingearly_stopping-name-extrapolation"' in configuration
    contracts = (built / "reference" / "python" / "contracts.html").read_text(encoding="utf-8")
    assert 'id="metaqnn.core.strategy.Strategy.ask"' in contracts


def test_no_page_shows_what_was_said_to_the_tests(built):
    for page in built.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search("no-run|<!-- test:", text), page
