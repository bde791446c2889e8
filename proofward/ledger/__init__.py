"""Append-only record of a federation: Merkle log, signed checkpoints, content-addressed objects,
identities.
"""
