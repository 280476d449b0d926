"""Outlines of masks drawn on the picture."""

from pydantic import Field

from retinue.workflows.detections import DetectionTable
from retinue.workflows.manifest import IntegerRef
from retinue.workflows.visualization import ColoredDrawing, ColorManifest, Colors, MaskDrawingManifest, Pixels


class PolygonManifest(MaskDrawingManifest, ColorManifest):
    """How the outlines look."""

    thickness: int | IntegerRef = Field(2, description="How thick the lines are, in pixels.")


class PolygonVisualizationV1(ColoredDrawing):
    """Outlines the part of each mask that is inside the box; without masks, the box."""

    identifier = "roboflow_core/polygon_visualization@v1"
    title = "Polygon Visualization"
    manifest = PolygonManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, thickness: int) -> None:
        from retinue.workflows.drawing.regions import outline_masks_in_boxes

        outline_masks_in_boxes(pixels, table.xyxy, table.masks, colors, thickness=thickness)


class PolygonVisualizationV2(ColoredDrawing):
    """Outlines each mask and the holes in it."""

    identifier = "roboflow_core/polygon_visualization@v2"
    title = "Polygon Visualization"
    manifest = PolygonManifest

    def draw_detections(self, pixels: Pixels, table: DetectionTable, colors: Colors, thickness: int) -> None:
        from retinue.workflows.drawing.regions import outline_masks

        if table.masks is not None:
            outline_masks(pixels, table.masks, colors, thickness=thickness)
