"""What a paper is made of: sections, facts, tables, pictures."""
