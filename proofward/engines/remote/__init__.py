"""The federation across processes, whatever carries the requests: members, aggregator, set-up."""
