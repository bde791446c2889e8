"""Hospitals that poison their own records properly, and what each kind of rules makes of it."""
