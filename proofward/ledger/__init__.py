"""Append-only record of a federation.

It consists of a Merkle log, signed checkpoints, content-addressed objects and identities.
"""
