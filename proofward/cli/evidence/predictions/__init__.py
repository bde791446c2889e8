"""Commands on proofs as files, of trainings and of predictions."""
