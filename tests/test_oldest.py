"""What `make test-oldest` installs is the lower bounds of setup.cfg."""

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_lower_bound_is_tested_and_nothing_else():
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = [setup["options"]["install_requires"], *dict(setup["options.extras_require"]).values()]
    bounds = {line.strip().replace(">=", "==") for text in listed for line in text.splitlines() if ">=" in line}
    oldest = (ROOT / "tests" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    assert oldest[1:] == sorted(bounds)
