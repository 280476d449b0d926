"""Sends a video with the published `roboflow` package and prints what it made of the answers, as one JSON object.

Run by test_videos.py with the interpreter of another environment, API_URL in its environment.
Usage: video_calls.py KEY VIDEO
"""

import json
import sys
import time
from typing import Any

from roboflow.models.object_detection import ObjectDetectionModel
from roboflow.models.video import VideoInferenceModel


def main(key: str, video: str) -> dict[str, Any]:
    """What each call gave, by name."""
    model = ObjectDetectionModel(key, "local/shapes/1", version="1")
    job_id, signed_url, expires = model.predict_video(video, fps=5)
    until = time.monotonic() + 90
    while not (results := model.poll_for_video_results(job_id)) and time.monotonic() < until:
        time.sleep(0.5)
    other = VideoInferenceModel(key)
    other.job_id = job_id
    return {
        "job_id": job_id,
        "signed_url": signed_url,
        "expires": expires,
        "results": results,
        "results of the other class": other.poll_for_results(),
        "refused": _refused(key, video),
    }


def _refused(key: str, video: str) -> str:
    model = ObjectDetectionModel(key, "local/shapes/1", version="1")
    try:
        model.predict_video(video, fps=5, additional_models=["clip"])
    except Exception as exc:  # the package has no class of its own for it
        return str(exc)
    return ""


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
