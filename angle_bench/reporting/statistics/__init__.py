"""How sure a difference of scores is: numpy and scipy, no files, no names of models."""
