"""The steps of a hospital's training, and the trace of them that a proof needs."""
