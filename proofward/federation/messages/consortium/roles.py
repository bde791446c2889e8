"""What members are."""

HOSPITAL = "hospital"
VERIFIER = "verifier"
AGGREGATOR = "aggregator"
