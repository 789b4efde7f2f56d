"""Means by language, from the subsets of tasks."""
