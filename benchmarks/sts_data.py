"""The STS tasks whose data is here, and their sentences."""

import json
import random
from pathlib import Path

from benchmarks.core import Context, SkipBenchmark

DATASETS = {
    "STS12": "mteb/sts12-sts",
    "STS13": "mteb/sts13-sts",
    "STS14": "mteb/sts14-sts",
    "STS15": "mteb/sts15-sts",
    "STS16": "mteb/sts16-sts",
    "STSBenchmark": "mteb/stsbenchmark-sts",
    "SICK-R": "mteb/sickr-sts",
}
QUICK_TASKS = ("STS16",)
QUICK_TEXTS = 600


def tasks_here(context: Context) -> list[str]:
    """The names of the English STS tasks whose test split is in the data folder.

    Raises:
        SkipBenchmark: None is.
    """
    here = [name for name, dataset in DATASETS.items() if _test(context.data, dataset).exists()]
    if context.quick:
        here = [name for name in here if name in QUICK_TASKS]
    if not here:
        raise SkipBenchmark("none of the STS data sets is there")
    return here


def sentences(context: Context) -> list[str]:
    """Every distinct sentence of these tasks once, in a fixed random order."""
    import pyarrow.parquet as pq

    distinct: dict[str, None] = {}
    for task in tasks_here(context):
        table = pq.read_table(_test(context.data, DATASETS[task]))
        for column in ("sentence1", "sentence2"):
            distinct |= dict.fromkeys(table[column].to_pylist())
    texts = list(distinct)
    random.Random(0).shuffle(texts)
    return texts[:QUICK_TEXTS] if context.quick else texts


def written(texts: list[str], folder: Path) -> Path:
    """A JSON file with texts, which children read."""
    place = folder / "texts.json"
    place.write_text(json.dumps(texts), encoding="utf-8")
    return place


def _test(data: Path, dataset: str) -> Path:
    return data / dataset / "test.parquet"
