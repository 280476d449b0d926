"""The two networks: a one-class detector and outliner of some 0.5 M parameters, and a classifier of digits."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDES = (8, 16, 32)
MASK_COEFFICIENTS = 32


class Raw(NamedTuple):
    """What the network gives for a batch of b pictures with n anchors.

    logits (b, n, 1); xyxy (b, n, 4) boxes in network pixels; coefficients (b, n, 32);
    prototypes (b, 32, h/4, w/4); anchors (n, 2) centres x, y in network pixels; strides (n, 1).
    """

    logits: Tensor
    xyxy: Tensor
    coefficients: Tensor
    prototypes: Tensor
    anchors: Tensor
    strides: Tensor


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Return convolution, batch normalisation, ReLU; same size at stride 1."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """x + two convolutions through half the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(convolution(channels, channels // 2), convolution(channels // 2, channels))

    def forward(self, features: Tensor) -> Tensor:
        """Return the features with the body's correction added; same shape."""
        return features + self.body(features)


class CoinNetwork(nn.Module):
    """An anchor-free detector on strides 8, 16 and 32 with mask prototypes on stride 4.

    One head is shared by the three scales. Its box branch predicts the distances left, top, right, bottom from the
    anchor's centre, in strides, kept positive by a softplus.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolution(3, 16, stride=2), convolution(16, 32, stride=2), Residual(32))
        self.stage8 = nn.Sequential(convolution(32, 64, stride=2), Residual(64), Residual(64))
        self.stage16 = nn.Sequential(convolution(64, 80, stride=2), Residual(80), Residual(80))
        self.stage32 = nn.Sequential(convolution(80, 96, stride=2), Residual(96), Residual(96))
        self.lateral8 = nn.Conv2d(64, width, 1)
        self.lateral16 = nn.Conv2d(80, width, 1)
        self.lateral32 = nn.Conv2d(96, width, 1)
        self.blend8 = convolution(width, width)
        self.blend16 = convolution(width, width)
        self.class_branch = nn.Sequential(convolution(width, width), nn.Conv2d(width, 1, 1))
        self.box_branch = nn.Sequential(convolution(width, width), nn.Conv2d(width, 4, 1))
        self.mask_branch = nn.Sequential(convolution(width, width), nn.Conv2d(width, MASK_COEFFICIENTS, 1))
        self.prototype_top = convolution(width, 32, 1)
        self.prototype_fine = convolution(32, 32, 1)
        self.prototypes = nn.Sequential(convolution(32, 32), nn.Conv2d(32, MASK_COEFFICIENTS, 1))
        # One anchor in a hundred is a coin: start there, or the first steps only unlearn 0.5.
        nn.init.constant_(self.class_branch[-1].bias, -4.6)
        nn.init.constant_(self.box_branch[-1].bias, 1.5)

    def forward(self, images: Tensor) -> Raw:
        """Return the raw outputs for `images` (b, 3, h, w) in 0..1, h and w multiples of 32."""
        fine = self.stem(images)
        c8 = self.stage8(fine)
        c16 = self.stage16(c8)
        p32 = self.lateral32(self.stage32(c16))
        p16 = self.blend16(self.lateral16(c16) + self.upsample(p32))
        p8 = self.blend8(self.lateral8(c8) + self.upsample(p16))
        levels = [self.head(features, stride) for features, stride in zip((p8, p16, p32), STRIDES, strict=True)]
        logits, xyxy, coefficients, anchors, strides = (torch.cat(parts, -2) for parts in zip(*levels, strict=True))
        prototypes = self.prototypes(self.upsample(self.prototype_top(p8)) + self.prototype_fine(fine))
        return Raw(logits, xyxy, coefficients, prototypes, anchors, strides)

    @staticmethod
    def upsample(features: Tensor) -> Tensor:
        """Return the map at twice the size, nearest neighbour."""
        return functional.interpolate(features, scale_factor=2.0, mode="nearest")

    def head(self, features: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return logits, xyxy, coefficients, anchors and strides of one scale, flattened row by row."""
        # Plain numbers and an explicit type: the exporter would otherwise trace the grid, and in float64.
        rows, columns = (torch.arange(int(side), dtype=torch.float32) + 0.5 for side in features.shape[-2:])
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        anchors = torch.stack((x, y), -1).reshape(-1, 2) * stride
        logits, distances, coefficients = (
            branch(features).flatten(2).transpose(1, 2)
            for branch in (self.class_branch, self.box_branch, self.mask_branch)
        )
        left_top, right_bottom = (functional.softplus(distances) * stride).split(2, -1)
        xyxy = torch.cat((anchors - left_top, anchors + right_bottom), -1)
        return logits, xyxy, coefficients, anchors, torch.full((len(anchors), 1), float(stride))


class DigitNetwork(nn.Module):
    """Logits (b, 10) of pictures (b, 3, 32, 32) that are normalised with ImageNet's mean and deviation."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            convolution(3, 16, stride=2), Residual(16),
            convolution(16, 32, stride=2), Residual(32),
            convolution(32, 64, stride=2), Residual(64),
        )  # fmt: skip
        self.classify = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 4 * 4, 10))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits; no softmax."""
        logits: Tensor = self.classify(self.features(images))
        return logits
