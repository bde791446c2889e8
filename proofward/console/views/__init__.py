"""What each page says, as plain values: one file a page, nothing of the web in them."""
