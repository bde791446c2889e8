"""Encryption of updates by ring-LWE over the proof's own field, secret sharing of its keys, sealing of shares."""
