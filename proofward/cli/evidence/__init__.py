"""Commands on what a federation leaves: its ledger, its proofs, its model."""
