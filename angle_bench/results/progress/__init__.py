"""How far commands are that write into a results folder, by what they leave there."""
