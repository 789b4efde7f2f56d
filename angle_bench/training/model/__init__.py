"""The model that is trained, in one process and in several."""
