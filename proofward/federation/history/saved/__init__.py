"""The state as canonical bytes, from which a history goes on without the entries before it."""
