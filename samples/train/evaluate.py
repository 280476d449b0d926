"""Measures the exported models: `python -m samples.train.evaluate [--draw FOLDER] [--coinless PICTURE ...]`.

Reads samples/models and samples/photos; needs onnxruntime, numpy and Pillow. The scenes of the second table are
drawn anew with a seed that training never used.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .inference import FloatArray, Found, ImageArray, classify, find, iou, open_session
from .scenes import Scene, draw_scene

SAMPLES = Path(__file__).parents[1]
CONFIDENCE, NMS_IOU, MATCH_IOU = 0.4, 0.3, 0.5
# Down to here detections are looked at, to see how far the false ones stay below the threshold.
LOWEST_CONFIDENCE = 0.02
SCENE_SEED, SCENE_COUNT = 99, 200
DETECTORS = (("coins", "coins/coins.onnx", 114), ("coin-outlines", "coin-outlines/weights.onnx", 127))


class Score(NamedTuple):
    """Counts at the threshold; the least confident true and most confident false detection at any confidence."""

    matched: int
    false: int
    coins: int
    mean_iou: float
    lowest_true: float
    highest_false: float


def load_image(path: Path) -> ImageArray:
    """Return the picture as RGB (height, width, 3)."""
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def match(found: Found, truth: FloatArray) -> NDArray[np.int64]:
    """Return for each detection, best first, the index of the coin it is the first to hit at IoU 0.5, or -1."""
    owner = np.full(len(found.xyxy), -1, dtype=np.int64)
    free = np.ones(len(truth), dtype=bool)
    for row, box in enumerate(found.xyxy if len(truth) else ()):
        overlap = np.where(free, iou(box, truth), 0)
        best = int(overlap.argmax())
        if overlap[best] >= MATCH_IOU:
            owner[row], free[best] = best, False
    return owner


def score(pairs: list[tuple[Found, FloatArray]]) -> Score:
    """Return the score of detections against the true boxes, picture by picture."""
    true: list[float] = []
    false: list[float] = []
    overlaps: list[float] = []
    coins = 0
    for found, truth in pairs:
        owner = match(found, truth)
        true.extend(found.confidence[owner >= 0].tolist())
        false.extend(found.confidence[owner < 0].tolist())
        hits = np.flatnonzero((owner >= 0) & (found.confidence > CONFIDENCE))
        overlaps.extend(float(iou(found.xyxy[row], truth[owner[row]][None])[0]) for row in hits)
        coins += len(truth)
    mean_iou = float(np.mean(overlaps)) if overlaps else 0.0
    above = sum(value > CONFIDENCE for value in false)
    # A coin that was never found counts as one found with confidence 0.
    lowest = min(true) if len(true) == coins and true else 0.0
    return Score(len(overlaps), above, coins, mean_iou, lowest, max(false, default=0.0))


def boxes_of_masks(masks: NDArray[np.bool_]) -> FloatArray:
    """Return (n, 4) xyxy around each mask; an empty mask gives a box without area."""
    boxes = np.zeros((len(masks), 4), dtype=np.float32)
    for box, mask in zip(boxes, masks, strict=True):
        if mask.any():
            columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
            box[:] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes


def draw(image: ImageArray, found: Found, path: Path) -> None:
    """Write the picture at three times its size with the boxes, confidences and outlines above the threshold."""
    zoom = 3
    canvas = Image.fromarray(image).resize((image.shape[1] * zoom, image.shape[0] * zoom), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(canvas)
    for row in np.flatnonzero(found.confidence > CONFIDENCE):
        if found.masks is None:
            pen.rectangle([float(side) * zoom for side in found.xyxy[row]], outline=(255, 80, 0))
        else:
            mask = np.kron(found.masks[row], np.ones((zoom, zoom), dtype=bool))
            inner = mask.copy()
            inner[1:-1, 1:-1] = mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
            canvas.paste((0, 255, 80), mask=Image.fromarray((mask & ~inner).astype(np.uint8) * 255))
        x, y = found.xyxy[row, :2] * zoom
        pen.text((float(x), float(y)), f"{found.confidence[row]:.2f}", fill=(255, 255, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.save(path)


def print_score(name: str, where: str, result: Score) -> None:
    """Print one row of the table."""
    print(
        f"{name:14} {where:22} {result.matched:5} of {result.coins:<5} false {result.false:<3} mean IoU "
        f"{result.mean_iou:.3f}  lowest true {result.lowest_true:.3f}  highest false {result.highest_false:.3f}"
    )


def true_masks(scene: Scene) -> NDArray[np.bool_]:
    """Return (n, height, width), one for each coin of which anything is to be seen."""
    numbers = np.unique(scene.instances[scene.instances > 0])
    masks: NDArray[np.bool_] = scene.instances[None] == numbers[:, None, None]
    return masks


def mask_overlaps(found: Found, masks: NDArray[np.bool_]) -> list[float]:
    """Return the IoU of each outline above the threshold with the outline of the coin that its box hits."""
    if found.masks is None:
        return []
    owner = match(found, boxes_of_masks(masks))
    hits = np.flatnonzero((owner >= 0) & (found.confidence > CONFIDENCE))
    pairs = [(found.masks[row], masks[owner[row]]) for row in hits]
    return [float((ours & theirs).sum() / (ours | theirs).sum()) for ours, theirs in pairs]


def evaluate_coins(models: Path, drawings: Path | None, coinless: list[Path]) -> None:
    """Print the scores of the detector and the outliner on the photograph, on new scenes, on pictures without coins."""
    photo = load_image(SAMPLES / "photos" / "coins.png")
    truth = np.array(json.loads((SAMPLES / "photos" / "coins.boxes.json").read_text())["boxes"], dtype=np.float32)
    scenes = [draw_scene(SCENE_SEED, index) for index in range(SCENE_COUNT)]
    for name, file, padding in DETECTORS:
        detect = partial(
            find, open_session(models / file), padding=padding, confidence=LOWEST_CONFIDENCE, iou_threshold=NMS_IOU
        )
        found = detect(photo)
        print_score(name, "photograph", score([(found, truth)]))
        if drawings:
            draw(photo, found, drawings / f"{name}.png")
        if found.masks is not None:
            outlined = Found(boxes_of_masks(found.masks), found.confidence)
            print_score(name, "photograph, outlines", score([(outlined, truth)]))
        in_scenes = [(detect(scene.image), true_masks(scene)) for scene in scenes]
        where = f"{SCENE_COUNT} drawn scenes"
        print_score(name, where, score([(seen, boxes_of_masks(masks)) for seen, masks in in_scenes]))
        overlaps = [value for seen, masks in in_scenes for value in mask_overlaps(seen, masks)]
        if overlaps:
            print(f"{name:14} {where:22} mean IoU of outlines {np.mean(overlaps):.3f}")
        for path in coinless:
            picture = load_image(path)
            seen = detect(picture)
            print_score(name, path.name, score([(seen, np.zeros((0, 4), dtype=np.float32))]))
            if drawings and (seen.confidence > CONFIDENCE).any():
                draw(picture, seen, drawings / f"{name}-{path.stem}.png")


def evaluate_digits(models: Path) -> None:
    """Print the accuracy on the held-out digits, enlarged to 256 x 256, as dark ink on light and the other way."""
    index = json.loads((SAMPLES / "photos" / "digits-held-out.json").read_text())
    side, columns, labels = index["tile"], index["columns"], np.array(index["labels"])
    with Image.open(SAMPLES / "photos" / "digits-held-out.png") as sheet:
        boxes = [(k % columns * side, k // columns * side) for k in range(len(labels))]
        tiles = [sheet.crop((x, y, x + side, y + side)).resize((256, 256), Image.Resampling.BILINEAR) for x, y in boxes]
    session = open_session(models / "digits" / "weights.onnx")
    for ground in ("light on dark", "dark on light"):
        images = [np.array(tile.convert("RGB")) for tile in tiles]
        if ground == "dark on light":
            images = [255 - image for image in images]
        probabilities = np.array([classify(session, image) for image in images])
        right = probabilities.argmax(1) == labels
        confidence = probabilities.max(1)[right]
        wrong = " ".join(f"{k}({labels[k]}->{probabilities[k].argmax()})" for k in np.flatnonzero(~right))
        print(
            f"{'digits':14} {ground:22} {right.sum():5} of {len(labels):<5} accuracy {right.mean():.4f}  "
            f"median confidence {np.median(confidence):.3f}  wrong: {wrong or 'none'}"
        )


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=SAMPLES / "models")
    parser.add_argument("--draw", type=Path, help="folder for pictures of what was found")
    parser.add_argument(
        "--coinless", type=Path, nargs="*", default=[], help="pictures without coins: all found is false"
    )
    arguments = parser.parse_args()
    evaluate_digits(arguments.models)
    evaluate_coins(arguments.models, arguments.draw, arguments.coinless)


if __name__ == "__main__":
    main()
