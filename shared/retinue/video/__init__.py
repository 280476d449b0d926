"""Videos in jobs: frames, objects followed from frame to frame, the results in the published shape, the drawn video."""
