"""The planner: jobs to plan, and what AWS Batch says of jobs that died, both through its queue."""

from retinue.jobs.entry import handler

__all__ = ["handler"]
