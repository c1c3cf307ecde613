"""The engine for PyTorch: the steps of an epoch one after another, called as they come, without Keras between them.

Nothing is compiled: `torch.compile` takes longer for a network than training it does (benchmarks/RESULTS.md).
"""

import math
from typing import Any

import numpy as np

from metaqnn.networks.architecture import Architecture
from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.networks.training.memory import VALIDATION_BATCHES
from metaqnn.networks.training.resident_engine import ResidentEngine, ResidentSession


class TorchEngine(ResidentEngine):
    """Holds the data on the device that Keras computes on.

    Args:
        data, statistics, mirror, config, use_bfloat16: as of every engine.
    """

    def __init__(
        self, data: SearchData, statistics: Statistics, mirror: bool, config: TrainingConfig, use_bfloat16: bool = False
    ):
        from keras import ops

        from metaqnn.networks.primitives.torch_primitives import TorchPrimitives

        self.device = ops.zeros(()).device
        super().__init__(data, statistics, mirror, config, use_bfloat16)
        self.primitives = TorchPrimitives(use_bfloat16, self.device)
        self.mean = None if statistics.mean is None else self.place(statistics.mean)
        self.deviation = 255.0 if statistics.deviation is None else self.place(statistics.deviation)

    def place(self, array: Any) -> Any:
        """A tensor of its own."""
        import torch

        return torch.tensor(array, device=self.device)

    def open(self, architecture: Architecture, seed: int, attempt: int) -> "TorchSession":
        """Make a network with fresh weights."""
        return TorchSession(self, architecture, seed, attempt)

    def preprocess(self, images: Any) -> Any:
        """uint8 images as the numbers that a network sees; `Statistics.apply` says what they are."""
        import torch

        numbers = images.to(torch.float32)
        if self.statistics.kind == "global_contrast":
            variance, mean = torch.var_mean(numbers, (1, 2, 3), correction=0, keepdim=True)
            return (numbers - mean) * torch.rsqrt(variance + 1e-12)
        if self.mean is not None:
            numbers = numbers - self.mean
        return numbers / self.deviation


class TorchSession(ResidentSession):
    """One network with its weights and an optimizer."""

    def __init__(self, engine: TorchEngine, architecture: Architecture, seed: int, attempt: int):
        import torch

        super().__init__(engine, architecture, seed, attempt)
        self.engine: TorchEngine = engine
        config, network = engine.config, self.network
        decaying = network.decaying if config.weight_decay else []
        others = [weight for weight in network.trained if not any(weight is each for each in decaying)]
        groups: list[dict[str, Any]] = [
            {"params": decaying, "weight_decay": config.weight_decay},
            {"params": others},
        ]
        self.decaying = decaying
        # With the gradient of the penalty added by the optimizer itself.
        self.optimizer = torch.optim.Adam(
            [group for group in groups if group["params"]], betas=(config.beta_1, config.beta_2), fused=True
        )
        self.step = 0

    def begin_epoch(self, order: np.ndarray, flags: np.ndarray, learning_rate: float) -> None:
        """As tensors."""
        import torch

        self._order, self._flags = self.engine.place(order), self.engine.place(flags)[:, None, None, None]
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self._loss_sum = torch.zeros((), device=self.engine.device)
        self._sums = self.engine.place(self.engine.target.no_sums())

    def train_steps(self, start: int, end: int, is_timed: bool) -> None:
        """Step by step; on a GPU nothing waits for it unless the time is limited."""
        import torch

        for number in range(start, end):
            self._train_step(number)
        if is_timed and self.engine.device.type == "cuda":
            torch.cuda.synchronize()

    def _train_step(self, number: int) -> None:
        """One step of Adam (Kingma & Ba, 2015) as Keras has it: epsilon is added before the bias is corrected."""
        import torch

        engine, batch = self.engine, self.engine.config.batch_size
        rows = self._order[number * batch : (number + 1) * batch]
        images, wanted = engine.train[0][rows], engine.train[1][rows]
        if engine.mirror:
            images = torch.where(self._flags[number * batch : (number + 1) * batch], images.flip(2), images)
        outputs = self.network.logits(engine.preprocess(images), self.step)
        loss = engine.target.losses(outputs, wanted).mean()
        loss.backward()
        self.step += 1
        epsilon = engine.config.epsilon / math.sqrt(1.0 - engine.config.beta_2**self.step)
        for group in self.optimizer.param_groups:
            group["eps"] = epsilon
        with torch.no_grad():
            if self.decaying:
                squares = torch.stack([kernel.square().sum() for kernel in self.decaying]).sum()
                loss = loss + engine.config.weight_decay / 2 * squares
            self._loss_sum += loss * len(rows)
            self._sums += engine.target.sums(outputs, wanted)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def training_sums(self) -> tuple[float, np.ndarray]:
        """Read from the device."""
        return float(self._loss_sum), self._sums.cpu().numpy()

    def validation_sums(self) -> tuple[float, float]:
        """Batch by batch, added on the device."""
        import torch

        target = self.engine.target
        loss_sum, right = torch.zeros((), device=self.engine.device), self.engine.place(target.no_sums())
        with torch.no_grad():
            for outputs, wanted in self._answers():
                loss_sum += target.losses(outputs, wanted).sum()
                right += target.sums(outputs, wanted)
        return float(loss_sum), float(right)

    def validation_outputs(self) -> np.ndarray:
        """Batch by batch, joined on the device."""
        import torch

        with torch.no_grad():
            return torch.cat([outputs for outputs, _ in self._answers()]).cpu().numpy()

    def _answers(self):
        """Outputs and encoded targets of each batch of validation images."""
        batch = VALIDATION_BATCHES * self.engine.config.batch_size
        for images, wanted in zip(*(each.split(batch) for each in self.engine.validation), strict=True):
            yield self.network.logits(self.engine.preprocess(images)), wanted

    def close(self) -> None:
        """Let go of the weights and the moments."""
        super().close()
        del self.optimizer, self.decaying
