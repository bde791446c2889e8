"""What proofs of a network cost: exact counts, headroom and padding, and predictions of time and memory."""
