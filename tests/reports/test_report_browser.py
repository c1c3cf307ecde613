"""The page in a real browser: accessible in light and in dark, and printed."""

import base64
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from patience import patience

from metaqnn.reports.page import write_report

GOLDEN = Path(__file__).parents[1] / "golden"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium or Chrome on this machine to show a page in"),
]


def browse(folder: Path, page: str, *options: str) -> str:
    """What a browser without a window prints about a page."""
    profile = f"--user-data-dir={folder / 'profile'}"
    words = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", profile, *options, f"file://{folder / page}"]
    return subprocess.run(words, capture_output=True, text=True, timeout=patience(60), check=True).stdout


def findings(folder: Path, *options: str) -> list[str]:
    """What axe-core holds for serious or critical on the page."""
    axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    ask = "axe.run().then(r => document.body.innerHTML = '<pre id=axe>' + btoa(JSON.stringify(r.violations.map("
    ask += "v => [v.impact, v.id, v.nodes.map(n => n.target.join(' ')).slice(0, 3)]))) + '</pre>')"
    html = (folder / "report.html").read_text(encoding="utf-8")
    script = f"<script>{axe}</script><script>window.onload = () => {{ {ask} }}</script></body>"
    (folder / "asked.html").write_text(html.replace("</body>", script), encoding="utf-8")
    shown = browse(folder, "asked.html", "--virtual-time-budget=20000", "--dump-dom", *options)
    found = re.search(r'<pre id="axe">([^<]*)</pre>', shown)
    assert found, "axe-core did not answer"
    return [str(each) for each in json.loads(base64.b64decode(found[1])) if each[0] in ("serious", "critical")]


@pytest.mark.parametrize("database", ["digits_seed0", "v3_finals", "v3_imported", "v3_enumerated"])
def test_the_page_is_accessible_and_prints(find, tmp_path, database):
    shutil.copy(GOLDEN / f"{database}.sqlite", tmp_path / "search.sqlite")
    write_report(find(tmp_path / "search.sqlite"), tmp_path)
    assert findings(tmp_path) == []
    assert findings(tmp_path, "--blink-settings=preferredColorScheme=0") == []
    browse(tmp_path, "report.html", f"--print-to-pdf={tmp_path / 'page.pdf'}")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
