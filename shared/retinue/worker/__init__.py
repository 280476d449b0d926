"""The container: one shard of a job, from its plan to its results. It knows nothing of who started it."""
