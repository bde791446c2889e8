"""Reports: baselines, figures and summaries of a federation."""
