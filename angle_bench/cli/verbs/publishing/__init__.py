"""Verbs for papers and repositories."""
