"""What the files of a checkpoint say, without loading it."""
