"""Keypoints drawn on the picture."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import FloatRef, IntegerRef, KeypointsRef, ListRef, StringRef
from retinue.workflows.visualization import Drawing, DrawingManifest, Pixels


class KeypointManifest(DrawingManifest):
    """What is drawn of the keypoints, and how it looks."""

    predictions: KeypointsRef = Field(description="The detections whose keypoints are drawn.")
    annotator_type: Literal["edge", "vertex", "vertex_label"] = Field(
        "edge", description="Lines between points, the points, or their numbers."
    )
    color: str | StringRef = Field("#A351FB", description="A name, '#RRGGBB' or 'rgb(r, g, b)'.")
    text_color: str | StringRef = Field("black", description="Of numbers.")
    text_scale: float | FloatRef = Field(0.5, description="How large numbers are.")
    text_thickness: int | IntegerRef = Field(1, description="How thick numbers are, in pixels.")
    text_padding: int | IntegerRef = Field(10, description="Room around numbers, in pixels.")
    thickness: int | IntegerRef = Field(2, description="How thick lines are, in pixels.")
    radius: int | IntegerRef = Field(10, description="Of points, in pixels.")
    edges: list[Any] | ListRef | None = Field(
        None, description="Pairs of points to join, counted from 1; without it a known skeleton."
    )


class KeypointVisualization(Drawing):
    """Draws the keypoints of each detection."""

    identifier = "roboflow_core/keypoint_visualization@v1"
    title = "Keypoint Visualization"
    manifest = KeypointManifest

    def draw(self, pixels: Pixels, predictions: DetectionTable, annotator_type: str, color: str, **look: Any) -> Pixels:
        from retinue.workflows.drawing.colors import parse_color
        from retinue.workflows.drawing.keypoints import draw_edges, draw_vertex_labels, draw_vertices

        points = _padded(predictions)
        if not points.size:
            return pixels
        rgb = parse_color(color)
        match annotator_type:
            case "edge":
                draw_edges(pixels, points, look["edges"] or (), rgb, thickness=look["thickness"])
            case "vertex":
                draw_vertices(pixels, points, rgb, radius=look["radius"])
            case _:
                draw_vertex_labels(
                    pixels,
                    points,
                    [str(slot) for slot in range(points.shape[1])],
                    rgb,
                    text_color=parse_color(look["text_color"]),
                    text_scale=look["text_scale"],
                    text_thickness=look["text_thickness"],
                    text_padding=look["text_padding"],
                )
        return pixels


def _padded(table: DetectionTable) -> NDArray[np.float64]:
    """The points of all detections as (n, most, 2), missing ones at (0, 0)."""
    rows = table.keypoints or ()
    most = max((len(row.xy) for row in rows), default=0)
    points = np.zeros((len(rows), most, 2))
    for index, row in enumerate(rows):
        points[index, : len(row.xy)] = row.xy
    return points
