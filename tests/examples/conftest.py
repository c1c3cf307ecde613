"""The modules of the examples can be imported without being installed."""

import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path += [str(EXAMPLES / name) for name in ("side_channel", "countermeasures", "concrete_defects")]
