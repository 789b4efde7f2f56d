"""SentEval's own data folder, as its download script leaves it."""
