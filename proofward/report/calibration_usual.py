"""Numbers of a calibration that it has by itself."""

from __future__ import annotations

LEAST_RECORDS = 16
"""A sample has at least so many, so that no figure is of a few records."""
MOST_COST = 1.1
"""Scales are suggested whose proof costs at most so many times that of today's, if there are any."""
MOST_BEYOND = 0.1
"""Percent of the values of a layer that may saturate."""
ROUNDS = 3
