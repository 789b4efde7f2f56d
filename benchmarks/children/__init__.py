"""Processes in which angle-bench, or the machine itself, is measured."""
