"""Result files as mteb and angle-bench write them, for tests that read them."""

import json
from pathlib import Path
from typing import Any

Scores = float | dict[str, float | None] | dict[str, dict[str, float | None]]


def put(
    folder: Path, task: str, scores: Any, *, version: str | None = "2.0.0", revision: str = "r"
) -> Path:
    """A result file of today; a number is one split `test` and one subset `default`.

    Args:
        folder: The folder of a revision.
        task: Its name.
        scores: Main scores, by split and subset.
        version: Of mteb.
        revision: Of the data.
    """
    by_split = scores if isinstance(scores, dict) else {"test": {"default": scores}}
    rows = {
        split: [
            {"hf_subset": subset, "languages": ["eng-Latn"], "main_score": score}
            for subset, score in subsets.items()
        ]
        for split, subsets in by_split.items()
    }
    raw = {"task_name": task, "dataset_revision": revision, "mteb_version": version, "scores": rows}
    return write(folder / f"{task}.json", raw)


def put_old(folder: Path, task: str, **splits: Any) -> Path:
    """A result file from before mteb 1.11."""
    head = {"dataset_revision": "r", "mteb_dataset_name": task, "mteb_version": "1.0.1"}
    return write(folder / f"{task}.json", {**head, **splits})


def put_record(folder: Path, task: str, model: dict[str, Any], **data: Any) -> Path:
    """The run record of a task; it makes the folder one of ours."""
    return write(folder / ".angle-bench" / f"{task}.json", {"model": model, "data": data})


def write(place: Path, raw: Any) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(raw if isinstance(raw, str) else json.dumps(raw), encoding="utf-8")
    return place
