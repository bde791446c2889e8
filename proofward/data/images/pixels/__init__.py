"""Exact integer arithmetic on pixels: colours, grey values, sizes."""
