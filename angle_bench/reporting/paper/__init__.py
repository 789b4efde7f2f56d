"""What goes into a paper: LaTeX tables of leaderboards and comparisons."""
