"""What models were trained on of a suite: declared by name, and measured by text."""
