"""Defects in concrete: several labels may hold for one image, and an image counts when all of them are right."""

from dataclasses import dataclass
from functools import partialmethod
from hashlib import sha256
from itertools import accumulate

import numpy as np

import metaqnn
from metaqnn.core import Attempt, CurvePoint, Dataset, Evaluation, Evaluator, Place, Score, Split, Status
from metaqnn.seeding import Stream

DEFECTS = ("crack", "spallation", "efflorescence", "exposed_bars", "corrosion_stain")
SIZE = 24
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]


@dataclass(frozen=True)
class SurfaceOptions:
    """How many images each part has, in percent how often a defect is there, how strong it is, and the seed."""

    images: int = 1200
    percent: int = 40
    contrast: int = 45
    seed: int = 0


class ConcreteSurfaces(Dataset):
    """Grainy surfaces of 24x24 pixels in three colours, each defect drawn or not, whatever the others are."""

    Options = SurfaceOptions

    def _split(self, part):
        count, stream = self.options.images, Stream(self.options.seed, "labels", part)
        labels = stream.raw(count * len(DEFECTS)).reshape(count, -1) % np.uint64(100) < self.options.percent
        images = [self._draw(held, Stream(self.options.seed, "image", part, i)) for i, held in enumerate(labels)]
        return Split(np.stack(images), labels.astype(np.int64), DEFECTS)

    train, test = partialmethod(_split, 0), partialmethod(_split, 1)

    def _draw(self, held, stream):
        """One image, uint8."""
        image = 130 + (stream.raw(SIZE * SIZE * 3) % np.uint64(41)).astype(np.int64).reshape(SIZE, SIZE, 3)
        image += 10 * (stream.integer(5) - 2)  # light differs
        for defect, is_there in zip(DEFECTS, held, strict=True):
            row, column, size = *(2 + n for n in stream.integers(SIZE - 4, 2)), 2 + stream.integer(3)
            walk = np.array(list(accumulate((stream.integer(3) - 1 for _ in range(SIZE - 1)), initial=column)))
            round_spot = (ROWS - row) ** 2 + (COLUMNS - column) ** 2 <= size**2
            where, colour = {
                "crack": (walk[:, None] == COLUMNS, (-1, -1, -1)),
                "spallation": (round_spot, (-1, -1, -1)),
                "efflorescence": ((abs(COLUMNS - column) < size) & (row < ROWS), (1, 1, 1)),
                "exposed_bars": ((abs(ROWS - row) < 2) | (abs(ROWS - row - 6) < 2), (-1, -1, 0)),
                "corrosion_stain": (round_spot, (1, 0, -1)),
            }[defect]
            if is_there:
                image[where] += self.options.contrast * np.array(colour)
        return image.clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class TrainingOptions:
    """How a network is trained, and how many images are held out from it."""

    held_out: int = 300
    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 0.002


class AllLabelsRight(Evaluator):
    """The share of held-out images of which every label is right, after a training with binary cross-entropy."""

    Options = TrainingOptions
    score = Score("exact_match", low=0, high=1, failure=0, is_share=True, of_curve="best", failure_name="none right")

    def facts(self):
        """What networks are built for, and a hash of the images and labels."""
        data = self.setting.dataset.train()
        hashed = sha256(data.inputs.tobytes() + data.targets.tobytes()).hexdigest()
        return {"input_shape": list(data.inputs.shape[1:]), "classes": len(data.class_names), "data": hashed}

    def start(self, place: Place | None = None):
        """Read the images, and hold some out by the search's seed."""
        import tensorflow as tf

        if place is None or place.is_own_process:
            tf.config.experimental.enable_op_determinism()
        data = self.setting.dataset.train()
        order = Stream(self.setting.seed, "validation").permutation(len(data.inputs))
        inputs, targets, size = (
            (data.inputs[order] / 128 - 1).astype("float32"),
            data.targets[order],
            self.options.held_out,
        )
        self.held_out, self.training = (inputs[:size], targets[:size]), (inputs[size:], targets[size:])

    def evaluate(self, candidate, report):
        """Train the network of the built-in notation, whose logits go through a sigmoid each, not through a softmax."""
        import keras

        inputs, targets = self.training
        model = metaqnn.build(candidate.architecture, inputs.shape[1:], candidate.seed, dropout=False)
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(self.options.learning_rate), loss, jit_compile=False)
        points = []
        for epoch in range(1, self.options.epochs + 1):
            rows = Stream(candidate.seed, "order", epoch).permutation(len(inputs))
            model.fit(inputs[rows], targets[rows], self.options.batch_size, shuffle=False, verbose=0)
            logits = model.predict_on_batch(self.held_out[0])
            if not np.isfinite(logits).all():
                return float("nan")
            right = (logits > 0) == self.held_out[1]
            figures = {"labels_right": float(right.mean())} | dict(zip(DEFECTS, right.mean(0).tolist(), strict=True))
            points.append(CurvePoint(epoch, float(right.all(1).mean()), figures=figures))
            report(1, points[-1])
        keras.backend.clear_session()
        best = max(points, key=lambda point: point.score)
        return Evaluation(Status.OK, best.score, attempts=(Attempt(tuple(points)),), figures=best.figures)
