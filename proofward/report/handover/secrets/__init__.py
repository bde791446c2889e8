"""Known secrets and records, searched for in whatever is to be handed over."""
