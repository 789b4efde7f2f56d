"""Made data for own tasks: the files that docs/tasks.md names."""

import csv
import random
from pathlib import Path
from typing import Any

from tests.checkpoints import WORDS, write_rows

Rows = list[dict[str, Any]]


def salad(random_: random.Random, words: list[str] = WORDS) -> str:
    return " ".join(random_.choices(words, k=random_.randint(3, 9)))


def labelled(count: int, seed: int, text: str = "text", label: str = "label") -> Rows:
    """Texts of two labels that use different halves of the words, so that they can be learnt."""
    random_ = random.Random(seed)
    half = len(WORDS) // 2
    halves = {"buy": WORDS[: half + 4], "sell": WORDS[half - 4 :]}
    names = [list(halves)[number % 2] for number in range(count)]
    return [{text: salad(random_, halves[name]), label: name} for name in names]


def write_table(place: Path, rows: Rows) -> None:
    """Write rows in the form that the suffix says."""
    if place.suffix in (".parquet", ".jsonl"):
        write_rows(place, rows)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("w", newline="", encoding="utf-8") as opened:
        delimiter = "\t" if place.suffix == ".tsv" else ","
        writer = csv.DictWriter(opened, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def faq(seed: int = 1) -> Rows:
    random_ = random.Random(seed)
    return [
        {"question": salad(random_), "answer": salad(random_), "rating": random_.randint(0, 100)}
        for _ in range(25)
    ]


def write_documented_data(folder: Path) -> None:
    """Every file that docs/tasks.md names, below a folder."""
    random_ = random.Random(0)
    data = folder / "data"
    write_table(data / "faq.csv", faq())
    duplicates = [
        {"sentence1": salad(random_), "sentence2": salad(random_), "label": number % 2}
        for number in range(20)
    ]
    write_table(data / "duplicates.tsv", duplicates)
    write_table(data / "intents/train.csv", labelled(80, 2))
    write_table(data / "intents/test.csv", labelled(30, 3))
    replies = [
        {"claim": salad(random_), "reply": row["text"], "label": row["label"]}
        for row in labelled(40, 4)
    ]
    write_table(data / "stance.jsonl", replies)
    write_table(data / "topics.jsonl", labelled(40, 5, label="topic"))
    answers = [
        {
            "query": salad(random_),
            "positive": [salad(random_)],
            "negative": [salad(random_) for _ in range(3)],
        }
        for _ in range(8)
    ]
    write_table(data / "answers.jsonl", answers)
    pages = [{"_id": number, "text": salad(random_), "title": ""} for number in range(30)]
    write_table(data / "manual/pages.jsonl", pages)
    write_table(
        data / "manual/queries.csv", [{"id": f"q{n}", "text": salad(random_)} for n in range(6)]
    )
    judged = [{"query-id": f"q{number}", "corpus-id": number} for number in range(5)]
    write_table(data / "manual/qrels.tsv", judged)
