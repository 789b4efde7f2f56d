"""What is on disk: suites, result files, identity, predictions. Neither torch nor mteb."""
