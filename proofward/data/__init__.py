"""Data sets: records as integer features at a fixed-point scale, and their division among hospitals."""
