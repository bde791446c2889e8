"""Nodes of a chain: over JSON-RPC, and in one process for development."""
