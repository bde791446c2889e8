"""What verifiers and the auditor look at: proofs, evidence of machines, the rule on stopping."""
