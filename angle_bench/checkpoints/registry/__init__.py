"""Checkpoints that are known by a name."""
