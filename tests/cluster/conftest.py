import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ray_nodes import Nodes


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Nodes]:
    nodes = Nodes()
    nodes.do("add 1")
    nodes.do("add 1")
    yield nodes
    nodes.close()
