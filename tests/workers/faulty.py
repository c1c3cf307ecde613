"""What a search evaluates: a function that meets a fault of the machine at the architectures that a file names.

The file holds a mapping from architectures to names of `machine_faults`; it is there only while the machine is at
fault.
"""

import json
import os
from pathlib import Path

import machine_faults


def ones(architecture, seed):
    """The share of ones, and a little of the seed."""
    place = Path(os.environ["FAULTS"])
    faults = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    if name := faults.get(architecture.text):
        getattr(machine_faults, name)()
    return architecture.text.count("1") / len(architecture.text) + seed / 1000
