"""A federation's models beside what could be trained without it."""
