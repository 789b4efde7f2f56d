"""Models that other libraries compute: mteb, sentence-transformers, model2vec."""
