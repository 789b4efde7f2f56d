"""Tables and comparisons as text, markdown, reStructuredText, Typst, JSON, CSV, parquet, HTML."""
