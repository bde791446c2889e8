"""What every engine needs to be operated: metrics, the event log, a pool of verifying processes."""
