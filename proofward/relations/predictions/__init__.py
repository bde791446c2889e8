"""What a public model says of committed records: statement, relation, proof."""
