"""The recipe in hand-written PyTorch, to compare with."""

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from metaqnn.networks.architecture import parse
from metaqnn.networks.data import SearchData, Statistics
from metaqnn.networks.dropout import dropout_rates
from metaqnn.networks.layers import Convolution, FullyConnected, GlobalAveragePooling, Pooling
from metaqnn.networks.training.config import TrainingConfig
from metaqnn.seeding import Stream


class TorchTrainer:
    """Trains one network after another over data that stays on the device."""

    def __init__(self, config: TrainingConfig, data: SearchData, statistics: Statistics, threads: int, is_gpu: bool):
        torch.set_num_threads(threads)
        torch.backends.cudnn.benchmark = True  # worth it for batches of one shape
        self.config = config
        self.device = torch.device("cuda" if is_gpu else "cpu")
        self.classes = data.classes

        def images(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(statistics.apply(array)).permute(0, 3, 1, 2).to(self.device)

        self.x_train, self.x_validation = images(data.x_train), images(data.x_validation)
        self.y_train = torch.from_numpy(data.y_train).to(self.device)
        self.y_validation = torch.from_numpy(data.y_validation).to(self.device)

    def train(self, text: str) -> tuple[list[float], float]:
        """Train a network; the seconds of each epoch, validation included, and the best accuracy."""
        network = self._build(text).to(self.device, memory_format=torch.channels_last)
        config = self.config
        optimiser = self._optimiser(network)
        epochs, best = [], 0.0
        for epoch in range(1, config.epochs + 1):
            began = time.perf_counter()
            for group in optimiser.param_groups:
                group["lr"] = config.rate(config.learning_rate, epoch)
            order = torch.from_numpy(Stream(0, "shuffle", 1, epoch).permutation(len(self.x_train))).to(self.device)
            network.train()
            for images, labels in self._batches(order):
                optimiser.zero_grad(set_to_none=True)
                loss = functional.cross_entropy(self._forward(network, images), labels)
                loss.backward()
                optimiser.step()
            network.eval()
            with torch.no_grad():
                right = 0
                for images, labels in zip(self.x_validation.split(512), self.y_validation.split(512), strict=True):
                    right += (self._forward(network, images).argmax(1) == labels).sum()
            best = max(best, int(right) / len(self.y_validation))
            epochs.append(time.perf_counter() - began)
        return epochs, best

    def _optimiser(self, network: nn.Module, **options: bool) -> torch.optim.Optimizer:
        config = self.config
        betas = config.beta_1, config.beta_2
        return torch.optim.Adam(network.parameters(), betas=betas, eps=config.epsilon, **options)

    def _batches(self, order: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return ((self.x_train[rows], self.y_train[rows]) for rows in order.split(self.config.batch_size))

    def _forward(self, network: nn.Module, images: torch.Tensor) -> torch.Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        if self.device.type != "cuda":
            return network(images)
        with torch.autocast("cuda", torch.bfloat16):
            return network(images).float()

    def _build(self, text: str) -> nn.Sequential:
        architecture = parse(text)
        rates, layers, is_flat = dropout_rates(architecture), [], False
        for index, layer in enumerate(architecture):
            if isinstance(layer, Convolution):
                size = layer.receptive_field
                layers += [nn.LazyConv2d(layer.filters, size, layer.stride, padding=size // 2), nn.ReLU()]
            elif isinstance(layer, Pooling):
                layers.append(nn.MaxPool2d(layer.receptive_field, layer.stride))
            elif isinstance(layer, GlobalAveragePooling):
                layers += [nn.LazyConv2d(layer.classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
                is_flat = True
            else:
                if not is_flat:
                    layers.append(nn.Flatten())
                    is_flat = True
                if isinstance(layer, FullyConnected):
                    layers += [nn.LazyLinear(layer.neurons), nn.ReLU()]
                else:
                    layers.append(nn.LazyLinear(self.classes))
            if index in rates:
                layers.append(nn.Dropout(rates[index]))
        network = nn.Sequential(*layers).to(self.device)
        with torch.no_grad():
            network(self.x_train[:1])
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        return network


class TunedTorchTrainer(TorchTrainer):
    """The same recipe with all that measured faster; what did not is told in RESULTS.md.

    Images lie in memory as the kernels want them and an epoch's are put in order at once; Adam is one kernel; ReLUs
    work in place; and on a CPU, where PyTorch draws dropout one number at a time, `WordDropout` takes its place.
    """

    def __init__(self, config: TrainingConfig, data: SearchData, statistics: Statistics, threads: int, is_gpu: bool):
        super().__init__(config, data, statistics, threads, is_gpu)
        torch.set_flush_denormal(True)
        self.x_train = self.x_train.contiguous(memory_format=torch.channels_last)
        self.x_validation = self.x_validation.contiguous(memory_format=torch.channels_last)

    def _optimiser(self, network: nn.Module, **options: bool) -> torch.optim.Optimizer:
        return super()._optimiser(network, fused=True, **options)

    def _batches(self, order: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        size = self.config.batch_size
        # Rows of (height, width, channels) are copied as they lie; the other order of axes would be copied twice.
        images = self.x_train.permute(0, 2, 3, 1)[order].permute(0, 3, 1, 2)
        return zip(images.split(size), self.y_train[order].split(size), strict=True)

    def _build(self, text: str) -> nn.Sequential:
        network = super()._build(text)
        for index, layer in enumerate(network):
            if isinstance(layer, nn.ReLU):
                layer.inplace = True
            elif isinstance(layer, nn.Dropout) and self.device.type == "cpu":
                network[index] = WordDropout(layer.p)
        return network


class WordDropout(nn.Module):
    """Dropout that takes four decisions from each random word; the rate is rounded to a 65,536th."""

    def __init__(self, rate: float):
        super().__init__()
        self.keep = 1.0 - rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of any shape; four axes lie in memory as channels last."""
        if not self.training:
            return x
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(torch.iinfo(torch.int64).min, None)
        is_kept = words.view(torch.int16)[: x.numel()] < round((self.keep - 0.5) * 65_536)
        scale = is_kept.to(x.dtype).div_(self.keep)
        if x.dim() == 4:
            count, channels, height, width = x.shape
            return x * scale.view(count, height, width, channels).permute(0, 3, 1, 2)
        return x * scale.view(x.shape)
