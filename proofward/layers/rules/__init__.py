"""What a consortium fixes of a training: scales, steps, rates, schedule, privacy."""
