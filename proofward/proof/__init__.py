"""The proof system: zero-knowledge arguments over Goldilocks, written once as scripts over a party."""
