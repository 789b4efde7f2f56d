"""Tasks and suites as values: what comes with the package, what users write, what `-t` means."""
