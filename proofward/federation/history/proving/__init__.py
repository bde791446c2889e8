"""What is proved and judged: public statements, what a proof system is asked for, its findings."""
