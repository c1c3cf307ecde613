"""Hundreds of damages of each kind of database: no command ends in a traceback, hangs, or changes what it reads.

What takes minutes is not done, but everything up to it is: networks are judged by a function, retrainings are planned
and not begun, figures are drawn and not written.
"""

import io
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from damages import damages, ended
from small_searches import Judge, judge

GOLDEN = Path(__file__).parents[1] / "golden"
DAMAGES = 60
"""Of each database, drawn from all."""

READING = """
    replay summary DB; replay summary DB --format json; replay top DB; replay show DB 1; replay episodes DB
    replay show DB 2 --format json; replay curves DB; replay q-values DB; replay verify DB; replay check DB
    replay copy DB copy.sqlite; replay rescue DB saved.sqlite; replay export DB --layout tables --out tables
    replay export DB --layout metaqnn2017 --out released.csv; export DB --to network.json; export DB --to network.keras
    report DB --out report; compare DB --strategies random --seeds 1 --evaluations 3 --processes 1 --out compare
"""
WRITING = """
    resume DB; resume DB --models 45; search DB --models 45; replay retry DB; evaluate DB; ensemble DB
    train DB --set final.epochs=1 --workers 1
"""


def not_drawn(_, target, **__):
    if isinstance(target, io.BytesIO):
        target.write(b"<svg></svg>")
    else:
        Path(target).touch()


@pytest.fixture
def quickly(monkeypatch):
    """Nothing is trained, and no process started."""
    monkeypatch.setattr("metaqnn.workflows.search.make_executor", lambda *_: Judge(judge))
    monkeypatch.setattr("metaqnn.workflows.retrain.train_all", lambda *_: True)
    monkeypatch.setattr("metaqnn.workflows.compare.ProcessPoolExecutor", lambda number, *_: ThreadPoolExecutor(number))
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", not_drawn)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.sqlite") if path.stem != "digits_seed0"))
def test_no_damage_ends_in_a_traceback(name, quickly, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base, path = GOLDEN / f"{name}.sqlite", tmp_path / "damaged.sqlite"
    for damage in random.Random(name).sample(damages(base, seed=0, flips=200), DAMAGES):
        shutil.copy(base, path)
        damage.apply(path)
        damaged = path.read_bytes()
        for commands in (READING, WRITING):
            for command in commands.replace("\n", ";").split(";"):
                if not command.strip():
                    continue
                try:
                    ended(*command.replace("DB", str(path)).split())
                except BaseException as error:
                    raise AssertionError(f"{damage}: {command}") from error
                assert commands is WRITING or path.read_bytes() == damaged, (damage, command)
                for left in tmp_path.iterdir():
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
                path.write_bytes(damaged)
