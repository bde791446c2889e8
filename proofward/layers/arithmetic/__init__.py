"""Exact integer arithmetic and its proof: ranges, rounding, signs, saturation."""
