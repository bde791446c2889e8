"""What is in every upload: a ciphertext, shares of its key, and noise."""
