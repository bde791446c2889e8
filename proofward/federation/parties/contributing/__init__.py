"""What a hospital does in a round: noise, upload, held shares, evaluation, privacy budget."""
