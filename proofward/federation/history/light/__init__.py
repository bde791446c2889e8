"""What a hospital has of the ledger that follows heads in place of entries."""
