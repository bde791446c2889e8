"""Federated averaging in integers: an update's weight, its clipping, and the mean of all."""
