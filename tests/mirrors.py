"""Small data sets of every task type, in the layout of a local mirror."""

import random
from collections.abc import Sequence
from pathlib import Path

from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import Task
from tests.checkpoints import WORDS, write_rows

Rows = list[dict[str, object]]


def task_of(name: str) -> Task:
    """A task of mteb."""
    task = mteb_task(name)
    assert task is not None
    return task


def texts(count: int, seed: int = 0) -> list[str]:
    """Distinct texts of word salad."""
    random_ = random.Random(seed)
    made = (" ".join(random_.choices(WORDS, k=random_.randint(3, 9))) for _ in range(10 * count))
    return list(dict.fromkeys(made))[:count]


def classification(mirror: Path, name: str, classes: int = 3) -> None:
    """Train and test splits of labelled texts."""
    for seed, (split, count) in enumerate((("train", 30), ("test", 17))):
        rows: Rows = [
            {"text": text, "label": place % classes}
            for place, text in enumerate(texts(count, seed=seed))
        ]
        write_rows(mirror / task_of(name).dataset / f"{split}.jsonl", rows)


def pair_classification(place: Path, columns: tuple[str, str], *, single_row: bool = False) -> None:
    """Labelled pairs, one a row or all in one row."""
    first, second = texts(20, seed=1), texts(20, seed=2)
    labels = [int(number % 3 == 0) for number in range(20)]
    rows: Rows = [
        {columns[0]: a, columns[1]: b, "labels": label}
        for a, b, label in zip(first, second, labels, strict=True)
    ]
    whole: Rows = [{columns[0]: first, columns[1]: second, "labels": labels}]
    write_rows(place, whole if single_row else rows)


def retrieval(
    folder: Path,
    *,
    queries: int = 6,
    documents: int = 25,
    prefix: str = "",
    candidates: int = 0,
    query_id: str = "q{number}",
    splits: Sequence[str] = ("test",),
) -> None:
    """Corpus, queries, judgements, and candidates where their number is given.

    Args:
        folder: The data set's folder.
        queries: How many.
        documents: How many.
        prefix: Of the configs, such as `de-` in sets of several languages.
        candidates: How many documents of each query are to be ranked again.
        query_id: Of a query's number, or of its user (two queries each) and turn.
        splits: The splits that judge these queries.
    """
    random_ = random.Random(3)
    ids = [query_id.format(number=n, user=n // 2, turn=n % 2) for n in range(queries)]
    ranked = {
        name: list(dict.fromkeys([2 * n, *random_.sample(range(documents), max(candidates, 1))]))
        for n, name in enumerate(ids)
    }
    rows: dict[str, Rows] = {
        "corpus": [
            {"_id": f"d{n}", "title": "", "text": text}
            for n, text in enumerate(texts(documents, seed=4))
        ],
        "queries": [
            {"_id": name, "text": text}
            for name, text in zip(ids, texts(queries, seed=5), strict=True)
        ],
        "qrels" if prefix else "default": [
            {"query-id": name, "corpus-id": f"d{document}", "score": 1 + document % 2}
            for n, name in enumerate(ids)
            for document in (2 * n, 2 * n + 1)
        ],
        "top_ranked": [
            {"query-id": name, "corpus-ids": [f"d{document}" for document in some]}
            for name, some in ranked.items()
        ],
    }
    if not candidates:
        del rows["top_ranked"]
    for name, some_rows in rows.items():
        for split in (name,) if name in ("corpus", "queries") else splits:
            write_rows(folder / f"{prefix}{name}/{split}.jsonl", some_rows)
