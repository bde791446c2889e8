"""Frozen networks from files."""
