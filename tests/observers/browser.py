"""A page in a headless Chromium, asked over DevTools' protocol what is drawn, in shadow trees, too."""

import base64
import io
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from patience import patience, wait_until
from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_DEEP = """
const deep = (root, ask) => [...root.querySelectorAll('*')].flatMap(
    each => [...(each.matches(ask) ? [each] : []), ...(each.shadowRoot ? deep(each.shadowRoot, ask) : [])]);
const text = root => [...root.childNodes].map(each => each.nodeType === 3 ? each.data
    : ['STYLE', 'SCRIPT', 'NOSCRIPT', 'TEMPLATE'].includes(each.nodeName) ? ''
    : (each.shadowRoot ? text(each.shadowRoot) : '') + ' ' + text(each)).join(' ');
"""


class Page:
    """One page.

    Args:
        asking, answering: ends of the pipes to and from the browser.
        url: of the page.
    """

    def __init__(self, asking: int, answering: int, url: str):
        self._asking, self._answering, self._number, self._rest = asking, answering, 0, b""
        target = self._ask("Target.createTarget", url=url)["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def evaluate(self, code: str):
        """The value of an expression of JavaScript; `deep(root, selector)` and `text(root)` look into shadow trees."""
        said = self._ask("Runtime.evaluate", expression=f"(() => {{{_DEEP} return {code}}})()", returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def text(self) -> str:
        """All that is written on the page."""
        return " ".join((self.evaluate("document.body && text(document.body)") or "").split())

    def wait_for(self, *words: str) -> None:
        """Wait until the page says this."""
        try:
            wait_until(lambda: not [word for word in words if word not in self.text()], 60)
        except AssertionError:
            raise AssertionError(f"{words} is not on the page: {self.text()[:2000]}") from None

    def count(self, selector: str) -> int:
        """How many elements there are."""
        return self.evaluate(f"deep(document, {json.dumps(selector)}).length")

    def wait_for_elements(self, selector: str, least: int) -> None:
        """Wait until there are so many elements."""
        wait_until(lambda: self.count(selector) >= least, 60)

    def click(self, selector: str, number: int = 0) -> None:
        """Click on the first such element, or a later one."""
        self.evaluate(f"deep(document, {json.dumps(selector)})[{number}].click()")

    def colours(self, selector: str) -> int:
        """How many colours, greys left out, have at least twenty pixels in the picture of the first such element."""
        corner = "(({x, y, width, height}) => ({x, y, width, height, scale: 1}))"
        place = self.evaluate(f"{corner}(deep(document, {json.dumps(selector)})[0].getBoundingClientRect())")
        image = Image.open(io.BytesIO(self._picture(clip=place))).convert("RGB")
        found = image.getcolors(image.width * image.height)
        return sum(count >= 20 and max(colour) - min(colour) > 40 for count, colour in found)

    def take_picture(self, name: str) -> None:
        """Leave a picture where the variable SCREENSHOTS names a folder."""
        if folder := os.environ.get("SCREENSHOTS"):
            Path(folder, f"{name}.png").write_bytes(self._picture())

    def _picture(self, **parameters) -> bytes:
        return base64.b64decode(self._ask("Page.captureScreenshot", format="png", **parameters)["data"])

    def _ask(self, method: str, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._asking, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._rest:
                assert select.select([self._answering], [], [], patience(60))[0], f"the browser is silent: {method}"
                said = os.read(self._answering, 2**20)
                assert said, "the browser has ended"
                self._rest += said
            said, _, self._rest = self._rest.partition(b"\0")
            answer = json.loads(said)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Page]:
    """A page in a browser of its own, which ends with the block; its profile lies in `folder`."""
    if CHROMIUM is None:
        pytest.skip("there is no browser")
    (theirs, asking), (answering, answers) = os.pipe(), os.pipe()
    # Chromium reads from descriptor 3 and writes to 4: a shell puts them there.
    words = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1500,1100"]
    words += [f"--user-data-dir={folder / 'profile'}", "--remote-debugging-pipe"]
    shell = ["bash", "-c", f'exec "$@" 3<&{theirs} 4>&{answers}', "bash", *words]
    browser = subprocess.Popen(shell, pass_fds=(theirs, answers), stderr=subprocess.DEVNULL)
    os.close(theirs)
    os.close(answers)
    try:
        yield Page(asking, answering, url)
    finally:
        browser.terminate()
        browser.wait(timeout=patience(60))
        os.close(asking)
        os.close(answering)
