"""The command line: demonstrations with and without attacks, audits, proofs as files, benchmarks."""
