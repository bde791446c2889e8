"""NVIDIA FLARE as the engine: it carries bytes between sites over mutual TLS.

Nothing in the protocol relies on whom it takes a peer to be.
"""
