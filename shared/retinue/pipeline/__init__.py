"""From pixels to predictions: plain functions over arrays, no AWS, no HTTP."""
