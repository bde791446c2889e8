"""For how long tests wait for something that has to come: no outcome depends on it, however busy the machine."""

PATIENCE = 1800.0
"""Seconds."""
