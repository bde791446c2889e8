"""Layers of sums with trained weights, and the weights over the steps."""
