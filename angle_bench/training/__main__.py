"""`python -m angle_bench.training RECIPE …` is `angle-bench train`, for accelerate's launcher."""

import sys

from angle_bench.cli.app import main

if __name__ == "__main__":
    sys.argv[:1] = ["angle-bench", "train"]
    main()
