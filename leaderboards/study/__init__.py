"""The study: what each AnglE objective adds to all-MiniLM-L6-v2; its runs and its tables."""
