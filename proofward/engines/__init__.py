"""Engines: they carry the messages between the parties of a federation."""
