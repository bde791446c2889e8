"""Dishonest parties, to show what is noticed, by whom, and what becomes of the round."""
