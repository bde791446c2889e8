"""What all commands share: consoles, refusals, the place where they end."""
