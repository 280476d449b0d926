"""Which anchor answers for which coin, and what its answer costs.

Task-aligned assignment: the anchors of a coin are those inside its box whose confidence and overlap are best now.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .network import Raw

ANCHORS_PER_COIN = 9
MASKS_PER_BATCH = 160


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return (n, m) IoU of boxes xyxy (n, 4) and (m, 4)."""
    top_left = torch.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (bottom_right - top_left).clamp(min=0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(-1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None, :] - shared + 1e-7)


def complete_iou_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Return (n,) 1 - CIoU of boxes xyxy matched row by row: overlap, distance of centres, shape."""
    top_left = torch.maximum(predicted[:, :2], target[:, :2])
    bottom_right = torch.minimum(predicted[:, 2:], target[:, 2:])
    shared = (bottom_right - top_left).clamp(min=0).prod(-1)
    size, target_size = predicted[:, 2:] - predicted[:, :2], target[:, 2:] - target[:, :2]
    iou = shared / (size.prod(-1) + target_size.prod(-1) - shared + 1e-7)
    hull = torch.maximum(predicted[:, 2:], target[:, 2:]) - torch.minimum(predicted[:, :2], target[:, :2])
    offset = (predicted[:, :2] + predicted[:, 2:] - target[:, :2] - target[:, 2:]) / 2
    distance = offset.square().sum(-1) / (hull.square().sum(-1) + 1e-7)
    angles = [torch.atan(wh[:, 0] / (wh[:, 1] + 1e-7)) for wh in (size, target_size)]
    shape = 4 / torch.pi**2 * (angles[0] - angles[1]).square()
    weight = (shape / (1 - iou + shape + 1e-7)).detach()
    return 1 - iou + distance + weight * shape


@torch.no_grad()
def assign(confidence: Tensor, xyxy: Tensor, anchors: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each of n anchors the index of its coin or -1, and the confidence it should have (n,).

    `confidence` (n,), `xyxy` (n, 4), `anchors` (n, 2) of one picture; `targets` (m, 4) its coins, m >= 1.
    """
    offsets = torch.cat((anchors[:, None] - targets[None, :, :2], targets[None, :, 2:] - anchors[:, None]), -1)
    inside = offsets.amin(-1) > 0
    iou = pairwise_iou(xyxy, targets)
    alignment = torch.where(inside, confidence[:, None].sqrt() * iou.pow(4), 0.0) + inside * 1e-9
    best = alignment.topk(min(ANCHORS_PER_COIN, len(anchors)), dim=0)
    chosen = torch.zeros_like(alignment).scatter_(0, best.indices, 1.0).bool() & inside
    owner = torch.where(chosen, iou, -1.0).argmax(1)
    owner = torch.where(chosen.any(1), owner, -1)
    own_alignment = torch.where(chosen & (owner[:, None] == torch.arange(len(targets))), alignment, 0.0)
    own_iou = torch.where(own_alignment > 0, iou, 0.0)
    scaled = own_alignment / (own_alignment.amax(0) + 1e-12) * own_iou.amax(0)
    return owner, scaled.amax(1)


def outline_loss(
    raw: Raw, picks: list[tuple[int, Tensor, Tensor]], boxes: list[Tensor], coverage: list[Tensor]
) -> Tensor:
    """Return the mean cross-entropy of the predicted outlines inside their (slightly enlarged) boxes.

    `picks` holds (picture, anchor indices, coin indices); `coverage` per picture (m, h/4, w/4) in 0..1.
    """
    total, count = raw.logits.new_zeros(()), 0
    height, width = raw.prototypes.shape[-2:]
    y, x = torch.arange(height)[None, :, None] + 0.5, torch.arange(width)[None, None, :] + 0.5
    for picture, anchors, coins in picks:
        order = torch.randperm(len(anchors))[: MASKS_PER_BATCH // len(picks) + 1]
        anchors, coins = anchors[order], coins[order]
        logits = torch.einsum("nk,khw->nhw", raw.coefficients[picture, anchors], raw.prototypes[picture])
        target = boxes[picture][coins] / 4
        margin = (target[:, 2:] - target[:, :2]).amin(-1)[:, None, None] * 0.1 + 0.5
        left, top, right, bottom = (side[:, None, None] for side in target.unbind(-1))
        inside = (x > left - margin) & (x < right + margin) & (y > top - margin) & (y < bottom + margin)
        cost = functional.binary_cross_entropy_with_logits(logits, coverage[picture][coins], reduction="none")
        total = total + ((cost * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)).sum()
        count += len(anchors)
    return total / max(count, 1)


def coin_loss(raw: Raw, boxes: list[Tensor], coverage: list[Tensor]) -> dict[str, Tensor]:
    """Return the parts of the loss of a batch: `class`, `box`, `outline`, each weighted and normalised.

    `boxes` per picture (m, 4) xyxy in network pixels; `coverage` per picture (m, h/4, w/4).
    """
    confidence = raw.logits.detach().sigmoid()[..., 0]
    wanted = torch.zeros_like(confidence)
    box_parts, weights, picks = [], [], []
    for picture, targets in enumerate(boxes):
        if len(targets) == 0:
            continue
        owner, score = assign(confidence[picture], raw.xyxy[picture].detach(), raw.anchors, targets)
        wanted[picture] = score
        anchors = (owner >= 0).nonzero()[:, 0]
        picks.append((picture, anchors, owner[anchors]))
        box_parts.append(complete_iou_loss(raw.xyxy[picture, anchors], targets[owner[anchors]]))
        weights.append(score[anchors])
    total = wanted.sum().clamp(min=1)
    classes = functional.binary_cross_entropy_with_logits(raw.logits[..., 0], wanted, reduction="sum") / total
    if not picks:
        return {"class": classes, "box": classes * 0, "outline": classes * 0}
    box = (torch.cat(box_parts) * torch.cat(weights)).sum() / total
    return {"class": classes, "box": 4 * box, "outline": 2 * outline_loss(raw, picks, boxes, coverage)}
