"""The tables of consortium.toml: one file for each."""
