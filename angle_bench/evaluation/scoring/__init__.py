"""One task scored, with a value for each item."""
