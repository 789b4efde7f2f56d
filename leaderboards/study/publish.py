"""Copies results to where they are passed on: without texts, and without places of a machine."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from angle_bench.results.checksums import RECORDED
from angle_bench.results.layout import SIDE
from angle_bench.results.predictions import read_predictions, without_texts
from angle_bench.results.training_texts import FILE_NAME
from leaderboards.study import plan

_KEPT = {*plan.STS, *plan.STS_SENTEVAL, *plan.TRANSFER, plan.DEV_TASK, "model_meta"}


def publish(source: Path, target: Path) -> None:
    """Write what the tables need of a results folder to another.

    Copied are result files, descriptions of models, run records, and of models under their own
    settings predictions with hashes for texts; beside them what a checkpoint was trained on, as
    hashes, and its `training.json`.
    """
    shutil.rmtree(target, ignore_errors=True)
    for file in _results(source):
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".parquet":
            _write_predictions(file, place)
        elif file.parent.name == SIDE:
            record = json.loads(file.read_text("utf-8"))
            record.pop(RECORDED, None)  # what is passed on has hashes for texts
            if "experiments" not in file.parts and not (place.parent / FILE_NAME).exists():
                _copy_training(record, place.parent)
            _write_json(_elsewhere(record), place)
        else:
            shutil.copyfile(file, place)


def _results(source: Path) -> Iterator[Path]:
    """Files of models; none that is of the machine alone, or was replaced."""
    for file in sorted(source.glob("*__*/**/*")):
        inside = file.relative_to(source).parts
        kinds = (".json",) if "experiments" in inside else (".json", ".parquet")
        kept = file.suffix in kinds and not file.name.endswith(".error.json")
        if file.is_file() and kept and file.stem in _KEPT and "superseded" not in inside:
            yield file


def _write_predictions(file: Path, place: Path) -> None:
    table = without_texts(read_predictions(file))
    if "score" in table.column_names and _is_single(scores := table["score"]):
        at = table.column_names.index("score")
        table = table.set_column(at, "score", scores.cast(pa.float32()))
    # uncompressed: the same hashes come back in the file of every model, which git stores once
    parquet.write_table(
        table,
        place,
        compression="none",
        use_dictionary=[name for name in table.column_names if name not in ("index", "score")],
        column_encoding={"index": "DELTA_BINARY_PACKED"},
        dictionary_pagesize_limit=1 << 30,
    )


def _is_single(scores: pa.ChunkedArray) -> bool:
    """Whether float32 holds them exactly, as cosines of float32 vectors."""
    values = scores.to_numpy()
    return bool((values.astype(np.float32) == values).all())


def _copy_training(record: dict[str, Any], to: Path) -> None:
    folder = record["model"].get("folder")
    if folder is None or not (Path(folder) / FILE_NAME).is_file():
        return
    shutil.copyfile(Path(folder) / FILE_NAME, to / FILE_NAME)
    _write_json(_elsewhere(plan.training_of(Path(folder))), to / "training.json")


def _elsewhere(value: Any) -> Any:
    """The same, its paths from the project's folder or the data's on."""
    if isinstance(value, dict):
        return {key: _elsewhere(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_elsewhere(each) for each in value]
    if isinstance(value, str) and value.startswith("/"):
        return _relative(Path(value))
    return value


def _relative(path: Path) -> str:
    if path.is_relative_to(plan.ROOT):
        return str(path.relative_to(plan.ROOT))
    for known in ("mteb", "senteval"):
        if known in path.parts:
            return str(Path("data", *path.parts[path.parts.index(known) :]))
    return "data" if path.name == "data" else path.name


def _write_json(value: Any, place: Path) -> None:
    place.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
