"""Grids of trainings: their cells, which have ended, their table."""
