"""What others sign of a ledger's size and root: witnesses (C2SP), and timestamps of its seal."""
