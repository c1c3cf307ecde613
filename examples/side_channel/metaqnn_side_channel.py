"""Side-channel analysis: simulated AES power traces, a space of 1-D networks, and guessing entropy as the score."""

import re
from dataclasses import dataclass
from functools import partialmethod
from hashlib import sha256
from itertools import accumulate
from typing import Literal

import numpy as np

from metaqnn.core import Attempt, CurvePoint, Dataset, Evaluation, Evaluator, Place, Score, Space, Split, Status
from metaqnn.seeding import Stream, integer_seed

POWERS = list(accumulate(range(254), lambda power, _: power ^ power << 1 ^ (power >> 7) * 0x11B, initial=1))
INVERSE = np.array([0, *(POWERS[-POWERS.index(value) % 255] for value in range(1, 256))])
SBOX = np.bitwise_xor.reduce([(INVERSE << s | INVERSE >> (8 - s)) & 255 for s in range(5)]) ^ 0x63  # of AES
CLASSES = {9: np.bitwise_count(np.arange(256)).astype(np.int64), 256: np.arange(256)}  # of an S-box output
FOLLOWERS = {"": "relu selu", "C": "BN A FC SM", "BN": "A FC SM", "FC": "FC SM"}  # of others: C FC SM


@dataclass(frozen=True)
class LeakageOptions:
    """How loud the noise is, how late traces begin, and the seed of both."""

    noise: float = 0.2
    jitter: int = 20
    seed: int = 0


class AesLeakage(Dataset):
    """Traces of 700 samples, of whole numbers, that leak Hamming weights of S-box outputs, which are the targets."""

    Options = LeakageOptions
    keys = (0x2B, 0x7E)  # of the training part and of the test part

    def _split(self, part):
        stream = Stream(self.options.seed, "traces", part)
        outputs, starts = (np.array(stream.integers(bound, 2000)) for bound in (256, self.options.jitter + 1))
        noise = stream.raw(2000 * 700).view(np.uint8).reshape(2000, 700, 8).sum(2)  # bytes added up: nearly Gaussian
        samples = np.rint(self.options.noise * (noise - 1020.0))
        for point, gain in ((150, 60), (340, -80), (345, 40), (530, 60)):
            samples[np.arange(2000), point + starts] += gain * (CLASSES[9][outputs] - 4)
        return Split(samples[..., None].astype(np.float32), outputs, tuple(map(str, range(256))))

    train, test = partialmethod(_split, 0), partialmethod(_split, 1)


@dataclass(frozen=True)
class NetworkOptions:
    """The layers to choose from: a convolution's filters and kernel, a pool's size, neurons."""

    layers: tuple[str, ...] = ("C(4,1)", "C(4,11)", "C(8,11)", "C(8,25)", "BN", "A(2)", "A(5)", "A(25)", "FC(20)")


class TraceNetworks(Space):
    """Convolutions, batch normalisation, average pooling, fully connected layers and a softmax; ReLU or SELU."""

    Options = NetworkOptions
    all_actions, max_steps = (), 8  # the actions as the options say
    initial_state, parse, format = staticmethod(tuple), staticmethod(str.split), staticmethod(" ".join)

    def __init__(self, options, facts):
        super().__init__(options, facts)
        self.all_actions = ("relu", "selu", *options.layers, f"SM({facts['classes']})")

    def is_terminal(self, state):
        """Whether the softmax is placed; a state is the choices so far."""
        return state[-1:] == self.all_actions[-1:]

    def actions(self, state):
        """What may follow the last choice."""
        codes = FOLLOWERS.get("".join(state[-1:]).split("(")[0], "C FC SM")
        codes = codes.split() if len(state) < self.max_steps - 1 else ["SM"]
        return tuple(action for action in self.all_actions if action.split("(")[0] in codes)

    def step(self, state, action):
        """One choice more."""
        return (*state, action)

    def key(self, state):
        """How many choices were made, and the last."""
        return f"{len(state)}:{''.join(state[-1:])}"


@dataclass(frozen=True)
class AttackOptions:
    """Classes, training, and the traces that are held out from it to attack them."""

    classes: Literal[9, 256] = 9
    epochs: int = 8
    held_out: int = 500


class GuessingEntropy(Evaluator):
    """The mean rank of the true key, from 0, after attacks with 100 held-out traces in each of 100 orders."""

    Options = AttackOptions
    score = Score("guessing_entropy", "minimize", 0, 255, failure=127.5, of_curve="last", failure_name="chance")

    def facts(self):
        """The classes, and a hash of the traces."""
        return {"classes": self.options.classes, "data": sha256(self.setting.dataset.train().inputs).hexdigest()}

    def start(self, place: Place | None = None):
        """Read the traces, and say for every guess of the key which class each held-out one has."""
        import tensorflow as tf

        if place is None or place.is_own_process:
            tf.config.experimental.enable_op_determinism()
        dataset, count, classes = self.setting.dataset, self.options.held_out, CLASSES[self.options.classes]
        data, self.key = dataset.train(), dataset.keys[0]
        plaintexts = SBOX.argsort()[data.targets[:count, None]] ^ self.key
        self.guesses, self.held_out = classes[SBOX[plaintexts ^ np.arange(256)]], data.inputs[:count] / 100
        self.inputs, self.targets = data.inputs[count:] / 100, classes[data.targets[count:]]
        self.orders = np.array([Stream(self.setting.seed, "attack", n).permutation(count)[:100] for n in range(100)])

    def evaluate(self, candidate, report):
        """Train, and attack after each epoch."""
        from keras import Sequential, backend, initializers, layers, optimizers

        (activation, *choices), points = candidate.architecture.split(), []
        model = Sequential([layers.Input(self.inputs.shape[1:])])
        for index, (code, *texts) in enumerate(re.findall(r"[A-Z]+|\d+", choice) for choice in choices):
            weights = initializers.LecunNormal(integer_seed(candidate.seed, "weights", index))
            numbers, own = map(int, texts), {"activation": activation, "kernel_initializer": weights}
            if code == "C":
                model.add(layers.Conv1D(*numbers, padding="same", **own))
            elif code == "A":
                model.add(layers.AveragePooling1D(*numbers, padding="same"))
            elif code == "BN":
                model.add(layers.BatchNormalization(momentum=0.9))
            else:
                model.add(layers.Flatten())
                model.add(layers.Dense(*numbers, **own | ({"activation": "softmax"} if code == "SM" else {})))
        model.compile(optimizers.Adam(0.005), "sparse_categorical_crossentropy", jit_compile=False)
        for epoch in range(1, self.options.epochs + 1):
            rows = Stream(candidate.seed, "order", epoch).permutation(len(self.inputs))
            model.fit(self.inputs[rows], self.targets[rows], batch_size=100, shuffle=False, verbose=0)
            likelihoods = np.log(model.predict_on_batch(self.held_out).astype(float) + 1e-30)
            sums = np.take_along_axis(likelihoods, self.guesses, 1)[self.orders].cumsum(1)  # (orders, traces, keys)
            true = sums[..., [self.key]]
            ranks = ((sums > true).sum(2) + ((sums == true).sum(2) - 1) / 2).mean(0)
            points.append(CurvePoint(epoch, float(ranks[-1]) if np.isfinite(likelihoods).all() else float("nan")))
            report(1, points[-1])
        backend.clear_session()
        needed = int(np.flatnonzero([1, *ranks])[-1]) + 1  # after the last number of traces that does not suffice
        figures = {"traces_to_rank_0": needed} if needed <= 100 else {}
        return Evaluation(Status.OK, points[-1].score, attempts=(Attempt(tuple(points)),), figures=figures)
