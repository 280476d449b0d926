"""Which frames of a video are asked about.

Time is counted from the first frame of the video. At `infer_fps` frames a second the frames wanted are those at 0,
1/infer_fps, 2/infer_fps ... seconds; taken is the first frame that is there by then, each frame at most once:

| video | infer_fps | frames taken |
|---|---|---|
| 30 a second | 5 | 0, 6, 12, 18 ... |
| 24 a second | 4 | 0, 6, 12 ... |
| 30 a second | 7 | 0, 5, 9, 13, 18 ... |
| 30 a second | 30, or any more | each |
| a gap of three seconds | 1 | none inside the gap, and the first after it once |

Real times count, not numbers of frames, so videos of variable frame rate need no rule of their own. Containers round
times (Matroska and WebM to 1 ms), so a frame counts as there when it is up to 1 ms early.
"""

import math
from fractions import Fraction

# Half of that is the worst that Matroska's rounding does.
_EARLY_S = Fraction(1, 1000)
MOST_FPS = 120  # what the published client sends at most


class Sampler:
    """Says of one frame after the other whether it is taken."""

    def __init__(self, infer_fps: float) -> None:
        """`infer_fps`: above 0, at most MOST_FPS. Raises ValueError."""
        if not 0 < infer_fps <= MOST_FPS:
            raise ValueError(f"infer_fps is {infer_fps:g}; it must be above 0 and at most {MOST_FPS}")
        self._fps = Fraction(str(infer_fps))  # 29.97 as it was written, not as the nearest binary number
        self._last = -1

    def takes(self, time_s: Fraction) -> bool:
        """Whether the frame at `time_s`, not before the last one asked about, is taken."""
        wanted = math.floor((time_s + _EARLY_S) * self._fps)
        is_new = wanted > self._last
        self._last = max(self._last, wanted)
        return is_new
