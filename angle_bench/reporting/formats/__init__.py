"""Tables and comparisons as text, markdown, LaTeX, JSON, CSV, HTML."""
