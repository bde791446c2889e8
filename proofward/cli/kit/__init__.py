"""Commands of a site's operator, on a start-up kit."""
