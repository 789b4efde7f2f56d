"""Models that the candidate learns from."""
