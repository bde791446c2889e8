"""What members say: typed records, signed envelopes, the consortium's rules."""
