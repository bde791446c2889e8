"""A round of counting: its statement, and the counts in a ciphertext."""
