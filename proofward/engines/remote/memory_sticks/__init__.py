"""Bundles for members without a network, and the connected sites that carry them."""
