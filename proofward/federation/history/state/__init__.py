"""What is kept of the ledger's entries: the federation, its rounds, votes, verdicts and outcomes."""
