"""Sums of a round: ciphertexts, what opens them, fingerprints of them, and what the sums say."""
