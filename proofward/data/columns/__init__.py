"""Columns on which a consortium agrees: features, kinds, notation, missing values, subgroups."""
