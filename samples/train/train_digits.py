"""Trains the digit network: `python -m samples.train.train_digits --out digits.pt`.

Users send pictures of any ink and paper, so every training picture gets its own: dark on light or light on dark,
tinted, moved, turned and scaled a little, with noise.
"""

import argparse
import logging
import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .digits import load_digits_split
from .network import DigitNetwork

logger = logging.getLogger(__name__)

INPUT_SIZE = 32
AVERAGE_DECAY = 0.998
# What the package's model_type, resnet18, tells the server to normalise with.
IMAGENET_MEAN = torch.tensor((0.485, 0.456, 0.406))[:, None, None]
IMAGENET_DEVIATION = torch.tensor((0.229, 0.224, 0.225))[:, None, None]


def moved(ink: Tensor, generator: torch.Generator) -> Tensor:
    """Return `ink` (b, 1, h, w) turned by up to 14 degrees, sheared, scaled and shifted, each picture its own way."""
    count = len(ink)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    angle, scale, stretch = uniform(-0.25, 0.25), uniform(0.9, 1.5), uniform(0.88, 1.14)
    shear, slack = uniform(-0.2, 0.2), (scale - 0.8).clamp(min=0.1)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    first = torch.stack((cos * stretch, -sin + shear, uniform(-0.3, 0.3) * slack), -1)
    second = torch.stack((sin, cos / stretch, uniform(-0.3, 0.3) * slack), -1)
    grid = functional.affine_grid(torch.stack((first, second), 1), list(ink.shape), align_corners=False)
    return functional.grid_sample(ink, grid, align_corners=False)


def coloured(ink: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures (b, 3, h, w) in 0..1 of `ink` in one random colour on paper of another."""
    count = len(ink)
    dark = torch.rand(count, 3, generator=generator) * 0.1 + torch.rand(count, 1, generator=generator) * 0.35
    light = 1 - torch.rand(count, 3, generator=generator) * 0.1 - torch.rand(count, 1, generator=generator) * 0.35
    is_inverted = torch.rand(count, 1, generator=generator) < 0.5
    paper, pen = torch.where(is_inverted, dark, light), torch.where(is_inverted, light, dark)
    pictures = paper[:, :, None, None] * (1 - ink) + pen[:, :, None, None] * ink
    level = torch.rand(count, 1, 1, 1, generator=generator) * 0.06
    return (pictures + level * torch.randn(pictures.shape, generator=generator)).clamp(0, 1)


def rate_factor(step: int, total: int) -> float:
    """Return the share of the full learning rate at a step: half a cosine down to 1 %."""
    return 0.01 + 0.495 * (1 + math.cos(math.pi * step / total))


def train(arguments: argparse.Namespace) -> None:
    """Train on the training part only, for a fixed number of epochs, and write the running average of the weights."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    generator = torch.Generator().manual_seed(arguments.seed)
    training, _ = load_digits_split()
    small = torch.from_numpy(training.images)[:, None]
    images = functional.interpolate(small, (INPUT_SIZE, INPUT_SIZE), mode="bilinear")
    labels = torch.from_numpy(training.labels)

    network = DigitNetwork()
    logger.info("%d parameters", sum(parameter.numel() for parameter in network.parameters()))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY), use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=arguments.rate, weight_decay=0.05)
    steps = len(labels) // arguments.batch
    schedule = LambdaLR(optimizer, lambda step: rate_factor(step, arguments.epochs * steps))
    for epoch in range(arguments.epochs):
        loss_sum, order = 0.0, torch.randperm(len(labels), generator=generator)
        for batch in order[: steps * arguments.batch].split(arguments.batch):
            pictures = coloured(moved(images[batch], generator), generator)
            logits = network((pictures - IMAGENET_MEAN) / IMAGENET_DEVIATION)
            loss = functional.cross_entropy(logits, labels[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
            loss_sum += float(loss.detach())
        if (epoch + 1) % 10 == 0:
            logger.info("epoch %d of %d: loss %.3f", epoch + 1, arguments.epochs, loss_sum / steps)
    torch.save(average.module.state_dict(), arguments.out)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the weights go (.pt)")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
