"""Fixed-point stochastic gradient descent: exact integers, the same bits on every machine."""
