"""Trains the coin network on drawn scenes: `python -m samples.train.train_coins --out coins.pt`."""

import argparse
import logging
import math
import multiprocessing
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .losses import coin_loss
from .network import CoinNetwork
from .scenes import Scene, draw_scene

logger = logging.getLogger(__name__)

# A coin of which an edge leaves less than this (pixels, and side to side) is not asked for.
LEAST_SIDE, LEAST_ASPECT = 8, 0.35
AVERAGE_DECAY = 0.995
LOG_EVERY = 50


def draw_scenes(seed: int, count: int, workers: int) -> list[Scene]:
    """Return scenes 0..count-1 of the set `seed`, whatever the number of workers."""
    with multiprocessing.Pool(workers) as pool:
        return pool.map(partial(draw_scene, seed), range(count), chunksize=32)


def targets_of(instances: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """Return boxes (m, 4) xyxy and coverage (m, h/4, w/4) of the coins in an instance map (h, w)."""
    boxes, masks = [], []
    for number in np.unique(instances[instances > 0]):
        mask = instances == number
        columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
        width, height = columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]
        if min(width, height) < LEAST_SIDE or min(width, height) < LEAST_ASPECT * max(width, height):
            continue
        boxes.append((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
        masks.append(mask)
    size = instances.shape[0] // 4
    if not boxes:
        return torch.zeros(0, 4), torch.zeros(0, size, size)
    coverage = functional.avg_pool2d(torch.from_numpy(np.stack(masks)).float(), 4)
    return torch.tensor(np.array(boxes), dtype=torch.float32), coverage


def varied(rng: np.random.Generator, scene: Scene) -> Scene:
    """Return the scene turned, mirrored, and with another brightness and contrast."""
    image, instances = np.rot90(scene.image, turns := int(rng.integers(4))), np.rot90(scene.instances, turns)
    if rng.random() < 0.5:
        image, instances = image[:, ::-1], instances[:, ::-1]
    gain, offset = rng.uniform(0.7, 1.3), rng.uniform(-30, 30)
    changed = np.clip((image.astype(np.float32) - 128) * gain + 128 + offset, 0, 255).astype(np.uint8)
    return Scene(changed, np.ascontiguousarray(instances))


def batches(
    scenes: list[Scene], size: int, rng: np.random.Generator
) -> Iterator[tuple[Tensor, list[Tensor], list[Tensor]]]:
    """Yield (images (b, 3, h, w) in 0..1, boxes, coverage) for one pass over the scenes in random order."""
    order = rng.permutation(len(scenes))
    for start in range(0, len(order) - size + 1, size):
        chosen = [varied(rng, scenes[index]) for index in order[start : start + size]]
        images = torch.from_numpy(np.stack([scene.image for scene in chosen])).permute(0, 3, 1, 2).float() / 255
        boxes, coverage = zip(*(targets_of(scene.instances) for scene in chosen), strict=True)
        yield images.contiguous(memory_format=torch.channels_last), list(boxes), list(coverage)


def rate_factor(step: int, total: int) -> float:
    """Return the share of the full learning rate at a step: a short rise, then half a cosine down to 2 %."""
    warm = min(100, total // 10)
    return (step + 1) / warm if step < warm else 0.02 + 0.49 * (1 + math.cos(math.pi * step / total))


def train(arguments: argparse.Namespace) -> None:
    """Train for the given epochs; after each, write the running average of the weights, which is what is exported."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    scenes = draw_scenes(arguments.seed, arguments.scenes, arguments.threads)
    logger.info("%d scenes drawn", len(scenes))

    network = CoinNetwork().to(memory_format=torch.channels_last)
    logger.info("%d parameters", sum(parameter.numel() for parameter in network.parameters()))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY), use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=arguments.rate, weight_decay=0.02)
    total = arguments.epochs * (len(scenes) // arguments.batch)
    schedule = LambdaLR(optimizer, lambda step: rate_factor(step, total))
    rng = np.random.default_rng(arguments.seed)
    step, sums = 0, dict.fromkeys(("class", "box", "outline"), 0.0)
    for epoch in range(arguments.epochs):
        for images, boxes, coverage in batches(scenes, arguments.batch, rng):
            parts = coin_loss(network(images), boxes, coverage)
            optimizer.zero_grad()
            torch.stack(list(parts.values())).sum().backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
            step += 1
            for name, value in parts.items():
                sums[name] += float(value.detach())
            if step % LOG_EVERY == 0:
                means = ", ".join(f"{name} {value / LOG_EVERY:.3f}" for name, value in sums.items())
                sums = dict.fromkeys(sums, 0.0)
                logger.info("epoch %d, step %d of %d: %s", epoch, step, total, means)
        torch.save(average.module.state_dict(), arguments.out)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the weights go (.pt)")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--scenes", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
