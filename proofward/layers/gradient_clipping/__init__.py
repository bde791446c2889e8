"""Training that clips the gradient of each record, and the proof of it."""
