"""Shares and the keys they are sealed to, between dealers and holders, and complaints of bad ones."""
