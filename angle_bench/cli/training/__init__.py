"""Trainings that the command line starts, one or many."""
