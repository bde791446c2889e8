"""Fixed-point stochastic gradient descent: one file per layer, exact integers, the same bits on every machine."""
