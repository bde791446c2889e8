"""The parties' state machines: hospitals, verifiers, the aggregator, the auditor."""
