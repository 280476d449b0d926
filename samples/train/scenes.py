"""Draws training pictures of coins on a table, with the boxes and outlines known exactly.

`draw_scene(seed, index)` depends on its two arguments only, so that scenes can be made in parallel and again.
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .relief import FloatArray, Light, Patch, draw_patch, smooth_noise

SCENE_SIZE = 256
# Diameters in pixels as the network sees them. A photograph of many coins, letterboxed to 320, shows 30 to 60.
DIAMETERS = (18.0, 150.0)
# A coin cut by the edge is still a coin while this share of it is in the picture; otherwise it is not drawn.
LEAST_VISIBLE = 0.4


@dataclass(frozen=True)
class Scene:
    """`image` (size, size, 3) uint8 RGB; `instances` (size, size) uint8, 0 background, k for the k-th coin."""

    image: NDArray[np.uint8]
    instances: NDArray[np.uint8]


class Canvas:
    """The scene while it is being drawn: brightness 0..1 and tint, before light and camera."""

    def __init__(self, size: int, background: FloatArray, tint: FloatArray) -> None:
        self.size = size
        self.colour = background[..., None] * tint
        self.instances = np.zeros((size, size), dtype=np.uint8)
        self.taken: list[tuple[float, float, float]] = []

    def is_free(self, x: float, y: float, radius: float, gap: float) -> bool:
        """Say whether a disc would keep `gap` pixels from all that is there."""
        return all(np.hypot(x - ox, y - oy) >= radius + other + gap for ox, oy, other in self.taken)

    def paste(
        self, patch: Patch, tint: FloatArray, x: float, y: float, *, shadow: float, light: Light, instance: int
    ) -> None:
        """Draw `patch` centred at (x, y) with a cast shadow, and note what it covers as `instance` (0: no coin)."""
        reach = max(1, round(patch.alpha.shape[0] * 0.04))
        alpha, shade = np.pad(patch.alpha, 3 * reach), np.pad(patch.shade, 3 * reach)
        left, top = round(x) - alpha.shape[1] // 2, round(y) - alpha.shape[0] // 2
        rows = slice(max(0, top), min(self.size, top + alpha.shape[0]))
        columns = slice(max(0, left), min(self.size, left + alpha.shape[1]))
        inner = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
        under = self.colour[rows, columns]
        if shadow > 0:
            moved = np.roll(alpha, (round(-light.y * reach), round(-light.x * reach)), axis=(0, 1))
            under = under * (1 - shadow * blurred(moved, reach)[inner])[..., None]
        alpha, shade = alpha[inner], shade[inner]
        self.colour[rows, columns] = under * (1 - alpha[..., None]) + (shade * alpha)[..., None] * tint
        self.instances[rows, columns][alpha > 0.5] = instance


def blurred(plane: FloatArray, radius: float) -> FloatArray:
    """Return `plane` (0..1) with a Gaussian blur of `radius` pixels, at 8 bits of precision."""
    image = Image.fromarray((np.clip(plane, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    softened: FloatArray = np.asarray(image, dtype=np.float32) / np.float32(255)
    return softened


def draw_background(rng: np.random.Generator, size: int, brightness: float) -> FloatArray:
    """Return (size, size) brightness: plain, cloudy, grained or striped."""
    plane = np.full((size, size), brightness, dtype=np.float32)
    for cell in (size * 0.5, size * 0.12, size * 0.03, 3.0):
        plane += brightness * rng.choice([0.0, rng.uniform(0, 0.13)]) * smooth_noise(rng, size, size, cell)
    if rng.random() < 0.25:
        y, x = np.mgrid[:size, :size].astype(np.float32)
        turn, period = rng.uniform(0, np.pi), rng.uniform(4, 60)
        phase = (x * np.cos(turn) + y * np.sin(turn)) / period + 0.4 * smooth_noise(rng, size, size, size / 4)
        plane += brightness * rng.uniform(0.03, 0.2) * np.tanh(rng.uniform(0.5, 4) * np.sin(2 * np.pi * phase))
    return plane


def draw_clutter(rng: np.random.Generator, size: int) -> tuple[FloatArray, FloatArray]:
    """Return planes of flat things that are no coins (strokes, cards, rings, letters): shade times alpha, and alpha."""
    shade_image, alpha_image = Image.new("L", (size, size)), Image.new("L", (size, size))
    shade, alpha = ImageDraw.Draw(shade_image), ImageDraw.Draw(alpha_image)
    for _ in range(rng.integers(1, 7)):
        x, y, reach = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(8, 90)
        tone, width = int(rng.uniform(10, 250)), int(rng.integers(1, 6))
        kind = rng.choice(["stroke", "card", "ring", "letters", "sliver"])
        if kind == "letters":
            for step in range(int(rng.integers(2, 9))):
                points = [
                    (x + step * reach / 4 + rng.uniform(0, reach / 5), y + rng.uniform(0, reach / 3)) for _ in range(4)
                ]
                for layer, value in ((shade, tone), (alpha, 255)):
                    layer.line(points, fill=value, width=1 + width // 3)
        elif kind == "ring":
            box = (x - reach / 2, y - reach / 2, x + reach / 2, y + reach / 2)
            for layer, value in ((shade, tone), (alpha, 255)):
                layer.ellipse(box, outline=value, width=1 + width // 3)
        else:
            turn, aspect = rng.uniform(0, np.pi), {"stroke": 0.03, "card": rng.uniform(0.5, 1), "sliver": 0.2}[kind]
            ux, uy = np.cos(turn) * reach, np.sin(turn) * reach
            vx, vy = -uy * aspect, ux * aspect
            corners = [(x + a * ux + b * vx, y + a * uy + b * vy) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            for layer, value in ((shade, tone), (alpha, 255)):
                layer.polygon(corners, fill=value)
    softness = float(rng.choice([0.5, 1.0, 6.0], p=[0.5, 0.3, 0.2]))
    premultiplied, alpha_plane = (
        np.asarray(image, dtype=np.float32) / np.float32(255) for image in (shade_image, alpha_image)
    )
    return blurred(premultiplied, softness), blurred(alpha_plane, softness)


def positions(rng: np.random.Generator, size: int, diameter: float) -> list[tuple[float, float]]:
    """Return where coins may lie: scattered, or on a shaken grid as in a museum's tray."""
    if rng.random() < 0.45:
        return [(rng.uniform(0, size), rng.uniform(0, size)) for _ in range(rng.integers(1, 40))]
    pitch = diameter * rng.uniform(1.15, 1.9)
    shift = rng.uniform(-pitch / 2, pitch / 2, 2)
    shake = pitch * rng.uniform(0, 0.12)
    grid = np.arange(0, size + pitch, pitch)
    spots = [(x + shift[0] + rng.normal(0, shake), y + shift[1] + rng.normal(0, shake)) for y in grid for x in grid]
    rng.shuffle(spots)
    return spots[: int(rng.integers(1, 41))]


def visible_share(x: float, y: float, radius: float, size: int) -> float:
    """Return how much of the square around a disc lies inside the scene, 0..1."""
    sides = [max(0.0, min(size, centre + radius) - max(0.0, centre - radius)) / (2 * radius) for centre in (x, y)]
    return sides[0] * sides[1]


def metal_tint(rng: np.random.Generator, is_grey: bool) -> FloatArray:
    """Return the RGB factors of silver, bronze, copper or gold; of nothing in a grey scene."""
    if is_grey:
        return np.ones(3, dtype=np.float32)
    metals = ((1.0, 1.0, 1.0), (1.05, 0.95, 0.75), (1.15, 0.85, 0.65), (1.15, 1.0, 0.6), (0.9, 1.0, 0.9))
    tint = np.array(metals[rng.integers(len(metals))]) * rng.uniform(0.93, 1.07, 3)
    return tint.astype(np.float32)


def place_coins(rng: np.random.Generator, canvas: Canvas, light: Light, background: float, is_grey: bool) -> None:
    """Put coins, and now and then a tile of the same make, onto the canvas where there is room."""
    typical = float(np.exp(rng.uniform(*np.log(DIAMETERS))))
    coin_tone = float(
        np.clip(background * rng.choice([rng.uniform(0.3, 0.85), rng.uniform(1.1, 3)], p=[0.3, 0.7]), 0.08, 0.95)
    )
    spread, gap = rng.uniform(0.02, 0.3), typical * rng.choice([-0.01, 0.05, 0.2], p=[0.15, 0.45, 0.4])
    shadow = rng.choice([0.0, rng.uniform(0.1, 0.7)])
    tile_share = rng.choice([0.0, 0.3, 1.0], p=[0.75, 0.2, 0.05])
    tint, is_mixed = metal_tint(rng, is_grey), rng.random() < 0.3
    for x, y in positions(rng, canvas.size, typical):
        radius = float(np.clip(typical * rng.uniform(0.75, 1.35), *DIAMETERS)) / 2
        if visible_share(x, y, radius, canvas.size) < LEAST_VISIBLE or not canvas.is_free(x, y, radius * 1.04, gap):
            continue
        is_coin = rng.random() >= tile_share
        tone = float(np.clip(coin_tone * np.exp(rng.normal(0, spread)), 0.06, 1.0))
        patch = draw_patch(rng, radius, tone, light, is_coin=is_coin)
        instance = int(canvas.instances.max()) + 1 if is_coin else 0
        patch_tint = metal_tint(rng, is_grey) if is_mixed else tint
        canvas.paste(patch, patch_tint, x, y, shadow=shadow, light=light, instance=instance)
        canvas.taken.append((x, y, radius * 1.04))


def photograph(rng: np.random.Generator, colour: FloatArray, is_grey: bool) -> NDArray[np.uint8]:
    """Return the 8-bit picture of the scene: uneven light, lens, sensor and compression."""
    size = colour.shape[0]
    y, x = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    turn = rng.uniform(0, 2 * np.pi)
    gain = 1 + rng.uniform(0, 0.8) * (x * np.cos(turn) + y * np.sin(turn))
    gain -= rng.uniform(0, 0.8) * ((x - rng.uniform(-0.3, 0.3)) ** 2 + (y - rng.uniform(-0.3, 0.3)) ** 2)
    gain += rng.uniform(0, 0.12) * smooth_noise(rng, size, size, size * 0.5)
    exposed = np.clip(colour * gain[..., None], 0, 1) ** rng.uniform(0.75, 1.35)
    exposed = exposed + rng.uniform(0, 0.12) * (1 - exposed)
    exposed += rng.choice([0.0, rng.uniform(0, 0.035)]) * rng.standard_normal(exposed.shape[:2])[..., None]
    image = Image.fromarray((np.clip(exposed, 0, 1) * 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(float(rng.choice([0.0, rng.uniform(0, 1.1)]))))
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.UnsharpMask(radius=2, percent=int(rng.uniform(50, 200))))
    if is_grey:
        image = image.convert("L").convert("RGB")
    if rng.random() < 0.6:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.uniform(40, 95)))
        image = Image.open(buffer)
    return np.array(image)


def add_letterbox(rng: np.random.Generator, scene: Scene) -> Scene:
    """Return the scene with the flat bars that a letterbox leaves, on two opposite sides."""
    image, instances = scene.image.copy(), scene.instances.copy()
    bar, grey = (
        int(rng.uniform(8, 0.25 * image.shape[0])),
        int(rng.choice([114, 127, 0, 255], p=[0.5, 0.3, 0.15, 0.05])),
    )
    image[:bar], image[-bar:] = grey, grey
    instances[:bar], instances[-bar:] = 0, 0
    if rng.random() < 0.5:
        image, instances = image.transpose(1, 0, 2), instances.T
    return Scene(np.ascontiguousarray(image), np.ascontiguousarray(instances))


def draw_scene(seed: int, index: int, size: int = SCENE_SIZE) -> Scene:
    """Return scene number `index` of the set `seed`; about one in twelve holds no coin."""
    rng = np.random.default_rng((seed, index))
    is_grey = bool(rng.random() < 0.5)
    brightness = float(rng.choice([rng.uniform(0.04, 0.3), rng.uniform(0.25, 0.95)]))
    turn = rng.uniform(0, 2 * np.pi)
    light = Light(float(np.cos(turn)), float(np.sin(turn)), float(rng.uniform(0.2, 1.0)))
    tint = np.ones(3) if is_grey else np.clip(rng.normal(1, 0.15, 3), 0.6, 1.4)
    canvas = Canvas(size, draw_background(rng, size, brightness), tint.astype(np.float32))
    if rng.random() < 0.45:
        shade, alpha = draw_clutter(rng, size)
        canvas.colour = canvas.colour * (1 - alpha[..., None]) + shade[..., None] * tint
    if rng.random() > 0.08:
        place_coins(rng, canvas, light, brightness, is_grey)
    scene = Scene(photograph(rng, canvas.colour, is_grey), canvas.instances)
    return add_letterbox(rng, scene) if rng.random() < 0.25 else scene
