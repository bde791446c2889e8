"""What leaves a federation: models to take home, proofs in files, and what an auditor needs."""
