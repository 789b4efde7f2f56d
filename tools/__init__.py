"""Generators of files that the project ships; they stay out of the wheel."""
