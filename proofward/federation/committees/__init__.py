"""Committees of a large consortium: how they are drawn, and what the draw can fail at."""
