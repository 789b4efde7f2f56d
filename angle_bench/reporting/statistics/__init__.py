"""How sure a difference of scores is: numpy alone, no files, no names of models."""
