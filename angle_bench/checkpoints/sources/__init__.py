"""What a name after -m is taken from: a folder, a row, mteb, the hub."""
