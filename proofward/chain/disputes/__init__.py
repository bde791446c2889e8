"""Verdicts with receipts, and how a false one is refuted."""
