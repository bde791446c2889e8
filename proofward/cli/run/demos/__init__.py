"""What `proofward demo` runs."""
