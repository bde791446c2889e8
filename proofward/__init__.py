"""Verifiable, private federated learning for hospitals."""

from __future__ import annotations

__version__ = "0.2.0"
