"""Jobs: work for many pictures or a video, planned, split into shards and run by AWS Batch."""
