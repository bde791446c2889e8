"""Demonstrations: their consortia and data, and what became of an attack."""
