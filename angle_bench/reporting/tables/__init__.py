"""Rows and tables of scores."""
