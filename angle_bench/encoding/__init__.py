"""Texts to vectors: the batch plan and the encoder."""
