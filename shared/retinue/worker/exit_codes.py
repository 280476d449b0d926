"""How the container ends, as its starter sees it. `EvaluateOnExit` in template.yaml decides by these numbers.

| code | meaning | again? |
|---|---|---|
| 0 | the shard is finished, or its job was cancelled | no |
| 70 | a defect of the container; the trace is in its log | no |
| 75 | stopped before the end, or S3 or DynamoDB does not answer: the next attempt goes on from the last part | yes |
| 78 | the plan or the configuration cannot be used; the job's record says why | no |

They are those of sysexits.h (EX_SOFTWARE, EX_TEMPFAIL, EX_CONFIG). Anything else (137: killed, 143: stopped before
Python had started) comes from outside and is worth another attempt.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """An exit status of `python -m retinue.worker`."""

    DONE = 0
    DEFECT = 70
    TRY_AGAIN = 75
    UNUSABLE = 78
