"""The peer of `angle-bench leaderboard`: mteb's own loaders and benchmark table.

python -m benchmarks.peers.mteb_leaderboard FOLDER-WITH-RESULTS BENCHMARK
"""

import json
import sys
from pathlib import Path

import mteb


def main() -> None:
    """Load, make the table, then print the mean of every model as JSON."""
    folder, benchmark = Path(sys.argv[1]), sys.argv[2]
    loaded = mteb.ResultCache(cache_path=folder).load_results(
        tasks=mteb.get_benchmark(benchmark), include_remote=False
    )
    table = loaded.get_benchmark_result()
    print(json.dumps(dict(zip(table["Model"], table["Mean (Task)"], strict=True))))


if __name__ == "__main__":
    main()
