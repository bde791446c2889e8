"""What a member is given to work with: records, counts, a seat on a chain, software."""
