"""Workers: batches of token ids to vectors, wherever the models run."""
