"""What an evaluation counts, how its sums are read, and when they end the training."""
