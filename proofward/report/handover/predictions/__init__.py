"""What an exported model says of new records, and proofs of it."""
