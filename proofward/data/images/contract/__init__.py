"""What is asked of every reader of images: the rule, examples, refusals, who is in a picture."""
