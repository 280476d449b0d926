"""Draws one object with a stamped, worn surface: a coin, or a tile that only resembles one.

Everything is a function of the random generator that is passed in, so a seed fixes the picture.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Patch:
    """A square cut-out: `shade` (n, n) brightness 0..1, `alpha` (n, n) coverage 0..1."""

    shade: FloatArray
    alpha: FloatArray


@dataclass(frozen=True)
class Light:
    """Where the light of a scene comes from: unit vector (x, y) in image axes, and how hard it is (0..1)."""

    x: float
    y: float
    hardness: float


def smooth_noise(rng: np.random.Generator, height: int, width: int, cell: float) -> FloatArray:
    """Return (height, width) noise of zero mean and unit variance whose blotches are about `cell` pixels wide."""
    rows, columns = max(2, round(height / cell) + 1), max(2, round(width / cell) + 1)
    grid = rng.standard_normal((rows, columns)).astype(np.float32)
    resized = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
    noise = np.asarray(resized, dtype=np.float32)
    normal: FloatArray = (noise - noise.mean()) / (noise.std() + 1e-6)
    return normal


def centred_grid(size: int) -> tuple[FloatArray, FloatArray]:
    """Return x and y of each pixel of a (size, size) patch, in pixels from its centre."""
    axis = np.arange(size, dtype=np.float32) - (size - 1) / 2
    x, y = np.meshgrid(axis, axis)
    return x, y


def round_outline(rng: np.random.Generator, angle: FloatArray) -> FloatArray:
    """Return the relative radius by angle of a coin: nearly a circle, sometimes hammered, chipped or cut."""
    radius = np.ones_like(angle)
    wear = float(rng.choice([0.0, 0.012, 0.03], p=[0.3, 0.4, 0.3]))
    for harmonic in range(2, 9):
        swing = wear * rng.uniform(0.2, 1.0) / np.sqrt(harmonic / 2)
        radius += swing * np.cos(harmonic * angle + rng.uniform(0, 2 * np.pi))
    if rng.random() < 0.3:
        for _ in range(rng.integers(1, 4)):
            nick = np.cos(angle - rng.uniform(-np.pi, np.pi)) - 1
            radius -= rng.uniform(0.02, 0.08) * np.exp(nick / rng.uniform(0.005, 0.05))
    return radius


def polygon_outline(rng: np.random.Generator, angle: FloatArray) -> FloatArray:
    """Return the relative radius by angle of a regular triangle or square: what a coin is not."""
    sides = int(rng.integers(3, 5))
    sector = 2 * np.pi / sides
    within = np.mod(angle + rng.uniform(0, sector), sector) - sector / 2
    radius: FloatArray = (np.cos(np.pi / sides) / np.cos(within)).astype(np.float32)
    return radius


def stamp(rng: np.random.Generator, x: FloatArray, y: FloatArray, rho: FloatArray, angle: FloatArray) -> FloatArray:
    """Return the height of the stamped surface: rim, legend around it, a figure of bumps and grooves, wear.

    `x`, `y` are in units of the radius; `rho` is the distance from the centre relative to the outline.
    """
    height = np.zeros_like(rho)
    if rng.random() < 0.65:
        height += rng.uniform(0.1, 0.6) * np.exp(-(((rho - rng.uniform(0.84, 0.95)) / rng.uniform(0.02, 0.06)) ** 2))
    if rng.random() < 0.5:
        beads = np.maximum(0, np.cos(angle * rng.integers(12, 44) + rng.uniform(0, 6))) * rng.uniform(0.1, 0.5)
        beads = beads * (np.cos(angle * rng.integers(1, 4) + rng.uniform(0, 6)) > rng.uniform(-1.2, 0.6))
        height += beads * np.exp(-(((rho - rng.uniform(0.68, 0.85)) / rng.uniform(0.03, 0.08)) ** 2))
    for _ in range(rng.integers(3, 16)):
        turn, distance = rng.uniform(0, 2 * np.pi), 0.62 * np.sqrt(rng.random())
        dx, dy = x - distance * np.cos(turn), y - distance * np.sin(turn)
        tilt = rng.uniform(0, np.pi)
        along, across = dx * np.cos(tilt) + dy * np.sin(tilt), dy * np.cos(tilt) - dx * np.sin(tilt)
        across = across + rng.uniform(-1.5, 1.5) * along**2
        long, short = rng.uniform(0.08, 0.45), rng.uniform(0.03, 0.22)
        height += rng.uniform(-0.5, 0.9) * np.exp(-((along / long) ** 2) - (across / short) ** 2)
    size = rho.shape[0]
    height += rng.uniform(0.0, 0.16) * smooth_noise(rng, size, size, max(2.0, size * rng.uniform(0.04, 0.2)))
    bevel = rng.uniform(0.03, 0.12)
    result: FloatArray = height * rng.uniform(0.3, 1.4) - rng.uniform(0.2, 1.2) * np.clip(
        (rho - 1 + bevel) / bevel, 0, 1
    )
    return result


def draw_patch(rng: np.random.Generator, radius: float, brightness: float, light: Light, *, is_coin: bool) -> Patch:
    """Return a patch with one coin of `radius` pixels, or a polygonal tile of the same make."""
    size = 2 * int(np.ceil(radius * 1.12)) + 3
    x, y = centred_grid(size)
    tilt, squeeze = rng.uniform(0, np.pi), rng.choice([1.0, rng.uniform(0.78, 1.0)], p=[0.6, 0.4])
    along = x * np.cos(tilt) + y * np.sin(tilt)
    across = (y * np.cos(tilt) - x * np.sin(tilt)) / squeeze
    angle = np.arctan2(across, along)
    outline = (round_outline if is_coin else polygon_outline)(rng, angle)
    rho = np.hypot(along, across) / (radius * outline)
    alpha = np.clip((1 - rho) * radius + 0.5, 0, 1)

    height = stamp(rng, x / radius, y / radius, rho, angle)
    slope_y, slope_x = np.gradient(height * radius)
    relief = -(slope_x * light.x + slope_y * light.y)
    relief = np.tanh(relief * rng.uniform(0.5, 1.3)) * (0.15 + 0.5 * light.hardness)
    tone = brightness * (1 + relief) + rng.uniform(0, 0.12) * np.maximum(relief, 0)
    tone += rng.uniform(-0.12, 0.12) * (x * light.x + y * light.y) / radius
    tone += rng.uniform(0.0, 0.1) * brightness * smooth_noise(rng, size, size, max(2.0, radius * rng.uniform(0.1, 0.8)))
    tone += rng.uniform(0.0, 0.05) * rng.standard_normal(rho.shape)
    if rng.random() < 0.5:
        tone += rng.uniform(-0.25, 0.2) * np.clip((rho - 1 + 2.2 / radius) * radius / 2.2, 0, 1)
    return Patch(np.clip(tone, 0, 1.2).astype(np.float32), alpha.astype(np.float32))
