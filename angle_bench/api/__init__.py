"""What `import angle_bench` offers: a function for each verb, which the command line calls."""
