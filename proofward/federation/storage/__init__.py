"""Where a party keeps the ledger, its objects and its own state."""
