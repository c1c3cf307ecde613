"""The recipe in hand-written PyTorch, to compare with."""

import time

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
        optimiser = torch.optim.Adam(network.parameters(), betas=(config.beta_1, config.beta_2), eps=config.epsilon)
        epochs, best = [], 0.0
        for epoch in range(1, config.epochs + 1):
            began = time.perf_counter()
            for group in optimiser.param_groups:
                group["lr"] = config.rate(config.learning_rate, epoch)
            order = torch.from_numpy(Stream(0, "shuffle", 1, epoch).permutation(len(self.x_train))).to(self.device)
            network.train()
            for rows in order.split(config.batch_size):
                optimiser.zero_grad(set_to_none=True)
                loss = functional.cross_entropy(self._forward(network, self.x_train[rows]), self.y_train[rows])
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
