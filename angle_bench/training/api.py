"""Training and evaluation from Python, on data sets in memory."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import stats

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.errors import DataError, UsageError
from angle_bench.evaluation.run.run_options import StoreOptions
from angle_bench.evaluation.tracking.trackers import tracker_names
from angle_bench.suites.task import Suite
from angle_bench.suites.user_task import OwnTask
from angle_bench.training.checkpoint.run_folder import RunFolder
from angle_bench.training.data.batches import announced, batches_of
from angle_bench.training.data.columns import format_of
from angle_bench.training.data.given import keep, leave_out, parts_of, table_of
from angle_bench.training.recipe.data_sections import DataSource
from angle_bench.training.recipe.python_errors import said_in_python
from angle_bench.training.recipe.recipe import Keys, Recipe, dotted, keys_of

if TYPE_CHECKING:
    from angle_bench.training.loop.trained import Trained

Section = Mapping[str, Any] | None  # of a recipe, as its TOML has it
VALIDATION = "validation"
LISTED = "teacher"  # a section that may be a list of them
TRAIN_DS, VALID_DS = "train_ds", "valid_ds"
# what a recipe says under [[data.train]] of rows that are handed over
OF_SOURCE = ("columns", "label_range", "limit", "encoding", "skip_bad_rows", "split")


def train(
    name: str | Path,
    /,
    train_ds: Any,
    valid_ds: Any = None,
    *,
    output: str | Path = "checkpoints/candidate",
    resume: bool = False,
    device: str = "auto",
    track: str | Sequence[str] | None = None,
    mirror: str | Path | None = None,
    base: str | Path | None = None,
    select_on_test: bool = False,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    cache: bool = True,
    cache_dir: str | Path | None = None,
    description: str = "",
    model: Section = None,
    data: Section = None,
    prompts: Section = None,
    loss: Section = None,
    espresso: Section = None,
    matryoshka: Section = None,
    teacher: Section | Sequence[Mapping[str, Any]] = None,
    lora: Section = None,
    train: Section = None,
    select: Section = None,
) -> "Trained":
    """Fine-tune a checkpoint; `angle_bench.load(output)` is the result.

    Args:
        name: What would stand after `-m`.
        train_ds: Columns text1, text2, label; query, positive; or query, positive, negative. A
            list of dicts, a Dataset or IterableDataset of `datasets`, a frame of pandas or polars,
            the path of a file or folder, or a DatasetDict, whose `validation` is `valid_ds`.
        valid_ds: Columns text1, text2, label: the checkpoint with the best Spearman correlation of
            cosines is kept. Without it the recipe's `select` chooses, by default the suite
            STSB-dev.
        output: The new folder; the data sets are kept in it, so that training can go on.
        resume: Continue from the last checkpoint.
        device: `auto`, `cpu`, `cuda:1`, `mps`.
        track: Where losses are reported: tensorboard, wandb, mlflow, trackio, or several.
        mirror: A folder with models and data under their hub ids.
        base: The base of an adapter, where the recorded one is elsewhere.
        select_on_test: Whether the checkpoint may be chosen by a test split.
        trust_remote_code: Whether Python files that come with the checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.
        cache: Whether vectors of teachers are kept beyond this call.
        cache_dir: Where; by default ANGLE_BENCH_CACHE or ~/.cache/angle-bench.
        description: A line for the model card.
        model: The section of a recipe: `{"pooling": "cls"}`.
        data: Also what its `[[data.train]]` says, `{"columns": {"pos": "positive"}}`.
        prompts: Likewise.
        loss: Likewise, such as `{"cosine_w": 1.0}`.
        espresso: Likewise.
        matryoshka: Likewise.
        teacher: Likewise; a list of several.
        lora: Likewise, such as `{"r": 16}`.
        train: Likewise, such as `{"epochs": 1}`.
        select: Likewise.

    Returns:
        Folder, steps and score.

    Raises:
        UsageError: There is no such setting, or the folder holds something else.
        DataError: The data is not what the recipe needs.
        ModelError: The checkpoint cannot be trained so, or the loss is not finite.
        ResultsError: The folder cannot be written.

    Examples:
        >>> train("all-MiniLM-L6-v2", rows, output="tuned", loss={"cosine_w": 1.0, "ibn_w": 0.0})
    """
    from angle_bench.training.loop.fine_tune import fine_tune  # brings torch
    from angle_bench.training.loop.training_request import TrainingRequest

    sections = {
        "description": description,
        "model": model,
        "data": data,
        "prompts": prompts,
        "loss": loss,
        "espresso": espresso,
        "matryoshka": matryoshka,
        "teacher": teacher,
        "lora": lora,
        "train": train,
        "select": select,
    }
    recipe = {key: value for key, value in sections.items() if value not in (None, "")}
    folder = Path(output)
    place, valid = (folder / "data" / f"{name}.parquet" for name in ("train", VALIDATION))
    named = {str(file.absolute()): name for file, name in ((place, TRAIN_DS), (valid, VALID_DS))}
    with said_in_python(named):
        rows, own_valid = parts_of(train_ds)
        valid_rows = own_valid if valid_ds is None else valid_ds
        kept = not isinstance(rows, str | Path)
        path = place if kept else Path(rows).expanduser()
        chosen_by_rows = valid_rows is not None
        asked = _recipe(
            str(name), None if base is None else str(base), path, chosen_by_rows, recipe
        )
        most = _rows_needed(asked)
        table = table_of(rows, TRAIN_DS, most) if kept else None
        valid_table = table_of(valid_rows, VALID_DS) if chosen_by_rows else None
        run = RunFolder(folder)
        run.begin(asked, resume, announced())
        there = run.last() or (folder if run.summary() is not None else None)
        for file, given, name in ((place, table, TRAIN_DS), (valid, valid_table, VALID_DS)):
            if given is None:
                leave_out(file, name, there)
            else:
                keep(file, given, name, there)
        request = TrainingRequest(
            folder=folder,
            access=LoadOptions.of(base, mirror, trust_remote_code, allow_pickle),
            device=device,
            resume=resume,
            track=tracker_names(track),
            select_on_test=select_on_test,
            suite=_suite(valid) if chosen_by_rows else None,
            command=["angle_bench.train"],
            store_options=StoreOptions(
                cache, None if cache_dir is None else Path(cache_dir).expanduser()
            ),
        )
        return fine_tune(asked, request)


def evaluate(encoder: Any, ds: Any) -> dict[str, dict[str, float]]:
    """How an encoder's similarities of pairs go with their labels.

    Args:
        encoder: Whatever has `encode` of a list of strings, such as `angle_bench.load(name)`; or
            what would stand after `-m`.
        ds: Columns text1, text2, label, in whatever `train` takes; the label on any scale.

    Returns:
        For cosine, dot, manhattan and euclidean (both distances as their negatives) the pearson
        and the spearman correlation, from -1 to 1, by scipy.

    Raises:
        DataError: A column is missing, a label is no number, or there are fewer than two pairs.

    Examples:
        >>> rows = [{"text1": a, "text2": b, "label": n} for a, b, n in pairs]
        >>> round(evaluate("all-MiniLM-L6-v2", rows)["cosine"]["spearman"], 2)
        1.0
    """
    with said_in_python({}):
        table = table_of(ds, "ds")
        format_of(table.column_names, DataSource(path="ds"))
        first, second, labels = (table[name].to_pylist() for name in ("text1", "text2", "label"))
        _refuse_no_numbers(labels)
    if len(labels) < 2:
        raise DataError(f"{len(labels)} pairs have no correlation.", "two or more rows")
    if len(set(labels)) == 1:
        raise DataError(
            f"the label is {labels[0]} in all {len(labels)} rows: there is no correlation.",
            "rows whose labels differ",
        )
    if isinstance(encoder, str | Path):
        from angle_bench.evaluation.encoders.load import load  # brings much

        loaded = load(str(encoder))
        try:
            vectors = np.asarray(loaded.encode([*first, *second]), dtype=np.float64)
        finally:
            loaded.close()
    else:
        vectors = np.asarray(encoder.encode([*first, *second]), dtype=np.float64)
    one, other = vectors[: len(first)], vectors[len(first) :]
    return {
        name: {
            "pearson": float(stats.pearsonr(found, labels).statistic),
            "spearman": float(stats.spearmanr(found, labels).statistic),
        }
        for name, found in _similarities(one, other).items()
    }


def _refuse_no_numbers(labels: list[Any]) -> None:
    for row, label in enumerate(labels):
        if isinstance(label, bool | int | float) and math.isfinite(label):
            continue
        got = type(label).__name__ if not isinstance(label, float) else repr(label)
        raise DataError(
            f"labels must be numbers, got {got} in row {row}.", "labels such as 0.8 in every row"
        )


def _similarities(
    one: NDArray[np.float64], other: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    dot = (one * other).sum(axis=1)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return {
        "cosine": dot / np.maximum(lengths, 1e-12),
        "dot": dot,
        "manhattan": -np.abs(one - other).sum(axis=1),
        "euclidean": -np.linalg.norm(one - other, axis=1),
    }


def _rows_needed(recipe: Recipe) -> int | None:
    """The rows of all steps, where these are known."""
    used = recipe.train
    if used.max_steps is None:
        return None
    return used.max_steps * batches_of(recipe, announced()).rows


def _recipe(
    model: str, base: str | None, place: Path, chosen_by_rows: bool, sections: Mapping[str, Any]
) -> Recipe:
    for name, section in sections.items():
        several = name == LISTED and isinstance(section, list | tuple)
        if name != "description" and not several and not isinstance(section, Mapping):
            raise UsageError(
                f"{name} is a {type(section).__name__}, and should be a dict.",
                f'{name}={{"…": …}}',
            )
    given = dict(sections)
    _refuse_twice(given, chosen_by_rows)
    given["model"] = {"name": model, "base": base, **given.get("model", {})}
    if chosen_by_rows:
        given["select"] = {**given.get("select", {}), "suite": ""}
    data = dict(given.get("data", {}))
    of_source = {name: data.pop(name) for name in list(data) if name in OF_SOURCE}
    given["data"] = {
        **data,
        "train": [{"path": str(place.absolute()), **of_source}],
    }
    try:
        return Recipe.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = _key(keys_of(error))
        raise UsageError(f"{key}: {first['msg']}.", "the setting mended") from error


def _refuse_twice(given: Mapping[str, Any], chosen_by_rows: bool) -> None:
    """Refuse sections that say what an argument says already.

    Raises:
        UsageError: An argument and a section say the same setting.
    """
    twice = {
        ("model", "name"): "the name is the first argument",
        ("model", "base"): "the base is the argument base",
        ("data", "train"): f"the rows are {TRAIN_DS}",
    }
    if chosen_by_rows and given.get("select", {}).get("suite"):
        twice["select", "suite"] = f"the checkpoint is chosen by {VALID_DS}"
    for (section, key), instead in twice.items():
        if key in given.get(section, {}):
            raise UsageError(f"{section} has {key}, and {instead}.", f'{section} without "{key}"')


def _key(keys: Keys) -> str:
    """A setting as the arguments name it: `data.limit`, whose table is one of a list here."""
    inner = keys[:1] + keys[3:] if keys[:2] == ("data", "train") else keys
    return dotted(inner)


def _suite(place: Path) -> Suite:
    """A suite of one task: the pairs of a file."""
    columns = {"sentence1": "text1", "sentence2": "text2", "score": "label"}
    own = OwnTask(
        name=VALIDATION,
        type="STS",
        path=place.absolute(),
        splits=(VALIDATION,),
        columns=columns,
    )
    return Suite(name=VALIDATION, version="1", task=(own.task(),))
