"""What members agree on before the first round, and a site's folder that keeps it."""
