"""A trained candidate on disk."""
