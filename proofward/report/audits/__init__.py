"""The audit of a run's folder, summed up and put into sentences."""
