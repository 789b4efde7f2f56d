"""`python -m angle_bench` is `angle-bench`."""

from angle_bench.cli.app import main

if __name__ == "__main__":
    main()
