"""Relations: the scripts that join layers, lattice and commitments into what a hospital proves."""
