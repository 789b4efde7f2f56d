"""Models behind an OpenAI-compatible endpoint: reached, known again, read."""
