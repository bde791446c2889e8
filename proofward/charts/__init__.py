"""Charts of what a federation is worth and what its proofs cost, each with its numbers beside it."""
