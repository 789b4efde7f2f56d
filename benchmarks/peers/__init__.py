"""Processes in which other packages are measured."""
