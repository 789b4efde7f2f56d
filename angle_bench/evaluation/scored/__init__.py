"""Words that mean models whose scores are stored."""
