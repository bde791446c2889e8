"""What the ledger's entries mean, and what follows from them: the same for every party."""
