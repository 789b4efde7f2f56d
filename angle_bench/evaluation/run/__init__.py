"""Models times tasks: what is missing is computed and recorded."""
