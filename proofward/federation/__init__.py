"""The parties of a federation as state machines: messages in, messages out, no transport and no clock."""
