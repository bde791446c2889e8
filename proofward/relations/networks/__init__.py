"""The layers of a network joined in a proof, and forward passes of public weights."""
