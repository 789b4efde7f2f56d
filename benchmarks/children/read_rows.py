"""Read a column of texts of a file and print the seconds that took.

python -m benchmarks.children.read_rows texts|pyarrow|batches FILE
"""

import sys
import time
from pathlib import Path

import pyarrow.csv as arrow_csv
import pyarrow.json as arrow_json
import pyarrow.parquet as pq

from angle_bench.evaluation.reader import ReadOptions, open_rows
from angle_bench.evaluation.reader.texts import read_texts, text_files

COLUMN = "text"


def main() -> None:
    """By `encode`'s reader, by pyarrow alone, or batch after batch with nothing kept."""
    way, file = sys.argv[1], Path(sys.argv[2])
    start = time.perf_counter()
    if way == "texts":
        with text_files(str(file), ReadOptions()) as files:
            count = len(read_texts(files, COLUMN).texts)
    elif way == "pyarrow":
        count = len(_arrow(file))
    else:
        count = sum(len(batch.numbers) for batch in open_rows(file).batches(COLUMN))
    assert count
    print(time.perf_counter() - start)


def _arrow(file: Path) -> list[str]:
    if file.suffix == ".csv":
        quoted = arrow_csv.ParseOptions(newlines_in_values=True)  # as any CSV may be
        table = arrow_csv.read_csv(file, parse_options=quoted)
    elif file.suffix == ".jsonl":
        table = arrow_json.read_json(file)
    else:
        table = pq.read_table(file, columns=[COLUMN])
    texts: list[str] = table[COLUMN].to_pylist()
    return texts


if __name__ == "__main__":
    main()
