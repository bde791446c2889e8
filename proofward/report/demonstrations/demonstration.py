"""Usual values and limits of a demonstration. Imports nothing: help texts are made from it."""

from __future__ import annotations

VERIFIERS = 3
MAX_HOSPITALS, MAX_ROUNDS = 100, 10_000
