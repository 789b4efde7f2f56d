"""What leaves the results folder: citations, submissions."""
