"""What all messages are made of: records, the types of their fields, times, texts, and refusals."""
