"""Attacks on privacy: what an adversary with a stated view can tell of patients' records."""
