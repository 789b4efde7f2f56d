"""Models beside a base: evidence, verdicts, ranks."""
