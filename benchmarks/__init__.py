"""Speed side by side with peers: interleaved, medians, in one run."""
