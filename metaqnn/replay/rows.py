"""Rows of a replay database as what they stand for; the reverse is `metaqnn.replay.records`."""

import json
import math
from typing import Any

from metaqnn.core import CurvePoint, Episode, EpisodeOrigin, Model


def read_episode(row: tuple[Any, ...]) -> Episode:
    """An episode from its columns, in the order of the fields."""
    return Episode(*(*row[:2], json.loads(row[2]), *row[3:8], bool(row[8]), EpisodeOrigin(row[9]), bool(row[10])))


def read_model(row: tuple[Any, ...]) -> Model:
    """A model from its number, its architecture and its costs."""
    return Model(row[0], row[1], json.loads(row[2]))


def read_point(row: tuple[Any, ...]) -> CurvePoint:
    """A point of a learning curve from its step, score, seconds and figures; a figure that is missing is NaN."""
    figures = {name: math.nan if value is None else value for name, value in json.loads(row[3]).items()}
    return CurvePoint(row[0], row[1], row[2], figures)
