"""Candidates: recipe, data, objectives, trainer, export."""
