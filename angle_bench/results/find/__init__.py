"""Result folders under any path: which model each is of, which file answers a task."""
