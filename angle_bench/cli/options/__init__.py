"""Options, their groups, their completion."""
