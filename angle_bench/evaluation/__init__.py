"""Scores: task data, the mteb adapter, and the runner."""
