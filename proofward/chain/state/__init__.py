"""Proofs of what a chain's state holds."""
