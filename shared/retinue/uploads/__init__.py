"""Uploads to the bucket: an object in `inbox/` becomes an answer in `results/`, or a reason in `failures/`."""
