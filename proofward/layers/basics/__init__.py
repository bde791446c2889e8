"""Errors, plain forms, divisors, and how a record lies in a column."""
