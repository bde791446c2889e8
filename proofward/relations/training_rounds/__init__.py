"""A round of training: its statement, its steps, and the update."""
