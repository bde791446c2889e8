"""Commitments to columns: the contract of a scheme, and the schemes behind it, one folder each."""
