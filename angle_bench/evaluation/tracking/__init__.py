"""Experiment trackers: where trainings and evaluations are reported."""
