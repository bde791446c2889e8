"""A hospital's records: committed, enrolled, and read by the layers."""
