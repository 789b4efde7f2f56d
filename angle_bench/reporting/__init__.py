"""Something to read: tables and signatures. Needs only `results`."""
