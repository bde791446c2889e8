"""Results as lines for people."""
