"""Ring-LWE encryption of updates over the proof's own field, sharing of its keys, sealing of shares."""
