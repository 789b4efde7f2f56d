"""The encoders of a run: ours, and those of other libraries."""
