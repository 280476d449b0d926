"""Answers of an upstream server that runs on this machine and may read model packages from folders."""

import base64
from pathlib import Path
from typing import Any, Self

import httpx

from retinue.models.package import Task
from retinue.pipeline.prediction import Thresholds

_ROUTES: dict[Task, str] = {
    "object-detection": "/infer/object_detection",
    "instance-segmentation": "/infer/instance_segmentation",
    "keypoint-detection": "/infer/keypoints_detection",
    "classification": "/infer/classification",
    "multi-label-classification": "/infer/classification",
    "semantic-segmentation": "/infer/semantic_segmentation",
}


class Peer:
    """A running upstream server at `url`. Use it in a `with` statement: it keeps a connection."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=120, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def version(self) -> str:
        """Name and version of the server. Raises httpx.HTTPError if none answers."""
        info = self._client.get("/info").raise_for_status().json()
        return f"{info['name']} {info['version']}"

    def answer(
        self, package: Path, task: Task, picture: bytes, thresholds: Thresholds, **fields: Any
    ) -> dict[str, Any]:
        """Upstream's answer for the package in a folder; `fields` are more of its request.

        Raises httpx.HTTPStatusError with its body on a refusal.
        """
        body = {
            "model_id": str(package.resolve()),
            "image": {"type": "base64", "value": base64.b64encode(picture).decode()},
            "confidence": thresholds.confidence,
            "iou_threshold": thresholds.iou_threshold,
            "max_detections": thresholds.max_detections,
            "class_agnostic_nms": thresholds.is_class_agnostic,
            **fields,
        }
        if task == "instance-segmentation":
            masks = thresholds.masks
            body |= {
                "response_mask_format": masks.form,
                "mask_decode_mode": masks.decode_mode,
                "tradeoff_factor": masks.tradeoff_factor,
                "allow_reduced_mask_resolution": masks.is_reduced,
            }
        response = self._client.post(_ROUTES[task], json=body)
        if response.is_error:
            raise httpx.HTTPStatusError(response.text[:500], request=response.request, response=response)
        answer: dict[str, Any] = response.json()
        return answer
