"""The commitment scheme after Ligero: rows of a Reed-Solomon code, hashed by columns."""
