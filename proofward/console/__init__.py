"""A read-only page that shows what a start-up kit or a run's folder knows."""
