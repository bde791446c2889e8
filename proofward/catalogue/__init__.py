"""Whatever can be refused, found wrong or need somebody: its name and a sentence, each written once."""
