"""Training and evaluation from Python, on data sets in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import stats

from angle_bench.errors import DataError, UsageError, did_you_mean
from angle_bench.models.access import Access
from angle_bench.results.files import FileToWrite, write_together
from angle_bench.results.own_task import OwnTask
from angle_bench.results.task import Suite
from angle_bench.training.recipe import Recipe
from angle_bench.training.rows import format_of
from angle_bench.training.run_folder import RunFolder
from angle_bench.training.settings import Data, Source

if TYPE_CHECKING:
    import datasets

    from angle_bench.training.fine_tune import Trained

VALIDATION = "validation"


def train(
    model: str | Path,
    /,
    train_ds: "datasets.Dataset",
    valid_ds: "datasets.Dataset | None" = None,
    *,
    output: str | Path = "checkpoints/candidate",
    resume: bool = False,
    device: str = "auto",
    track: str | None = None,
    mirror: str | Path | None = None,
    base: str | Path | None = None,
    select_on_test: bool = False,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    **recipe: Any,
) -> "Trained":
    """Fine-tune a checkpoint; `angle_bench.load(output)` is the result.

    Args:
        model: What would stand after `-m`.
        train_ds: Columns text1, text2, label; query, positive; or query, positive, negative.
        valid_ds: Columns text1, text2, label: the checkpoint with the best Spearman correlation of
            cosines is kept. Without it the recipe's `select` chooses, by default the suite
            STSB-dev.
        output: The new folder; the data sets are kept in it, so that training can go on.
        resume: Whether it may go on where it stopped.
        device: `auto`, `cpu`, `cuda:1`, `mps`.
        track: tensorboard, wandb, mlflow or trackio.
        mirror: A folder with models and data under their hub ids.
        base: The base of an adapter, where the recorded one is elsewhere.
        select_on_test: Whether the checkpoint may be chosen by a test split.
        trust_remote_code: Whether Python files that come with the checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.
        recipe: The sections of a recipe, as in its TOML: `loss={"cosine_w": 1.0}`,
            `train={"epochs": 1}`, `lora={"r": 16}`, `model={"pooling": "cls"}`.

    Returns:
        Folder, steps and score.

    Raises:
        UsageError: There is no such setting, or the folder holds something else.
        DataError: The data is not what the recipe needs.
        ModelError: The checkpoint cannot be trained so, or the loss is not finite.
        ResultsError: The folder cannot be written.

    >>> train("all-MiniLM-L6-v2", rows, output="tuned", loss={"cosine_w": 1.0, "ibn_w": 0.0})
    """
    from angle_bench.training.fine_tune import Request, fine_tune  # brings torch

    folder = Path(output)
    place, valid = (folder / "data" / f"{name}.parquet" for name in ("train", VALIDATION))
    asked = _recipe(str(model), None if base is None else str(base), place, valid_ds, recipe)
    RunFolder(folder).begin(asked, resume)
    _keep(place, train_ds)
    suite = None
    if valid_ds is not None:
        _keep(valid, valid_ds)
        suite = _suite(valid)
    access = Access.of(base, mirror, trust_remote_code, allow_pickle)
    request = Request(
        folder=folder,
        access=access,
        device=device,
        resume=resume,
        track=track,
        select_on_test=select_on_test,
        suite=suite,
        command=["angle_bench.train"],
    )
    return fine_tune(asked, request)


def evaluate(encoder: Any, ds: "datasets.Dataset") -> dict[str, dict[str, float]]:
    """How an encoder's similarities of pairs go with their labels.

    Args:
        encoder: Whatever has `encode` of a list of strings, such as `angle_bench.load(name)`.
        ds: Columns text1, text2, label; the label on any scale.

    Returns:
        For cosine, dot, manhattan and euclidean (both distances as their negatives) the pearson
        and the spearman correlation, from -1 to 1, by scipy.

    Raises:
        DataError: A column is missing, or there are fewer than two pairs.

    >>> evaluate(angle_bench.load("all-MiniLM-L6-v2"), pairs)["cosine"]["spearman"]
    0.8203
    """
    format_of(ds.column_names, Source(path="the data set"))
    first, second, labels = (list(ds[name]) for name in ("text1", "text2", "label"))
    if len(labels) < 2:
        raise DataError(f"{len(labels)} pairs have no correlation.", "two or more rows")
    vectors = np.asarray(encoder.encode([*first, *second]), dtype=np.float64)
    one, other = vectors[: len(first)], vectors[len(first) :]
    return {
        name: {
            "pearson": float(stats.pearsonr(found, labels).statistic),
            "spearman": float(stats.spearmanr(found, labels).statistic),
        }
        for name, found in _similarities(one, other).items()
    }


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


def _keep(place: Path, ds: "datasets.Dataset") -> None:
    """Rows as a file beside the checkpoints; what is there already is what training goes on with.

    Raises:
        UsageError: The file has another number of rows.
        DataError: It is no data set.
    """
    if not hasattr(ds, "to_parquet"):
        raise DataError(
            f"the {place.stem} data is a {type(ds).__name__}, not a datasets.Dataset.",
            "datasets.Dataset.from_list(rows)",
        )
    if place.is_file():
        if (rows := pq.read_metadata(place).num_rows) != len(ds):
            raise UsageError(
                f"{place} has {rows} rows, the {place.stem} data now has {len(ds)}.",
                "output=FOLDER of a new name",
            )
        return
    write_together(
        [FileToWrite(place, lambda temporary: ds.to_parquet(str(temporary)))],
        fix="output=FOLDER that can be written and has space",
    )


def _recipe(
    model: str, base: str | None, place: Path, valid_ds: Any, sections: Mapping[str, Any]
) -> Recipe:
    known = [name for name in Recipe.model_fields if name != "data"]
    for name in sections:
        if name not in known:
            near = did_you_mean(name, known)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(
                f"train takes no {name}.{hint}", f"a section of a recipe: {', '.join(known)}"
            )
    given = dict(sections)
    given["model"] = {"name": model, "base": base, **given.get("model", {})}
    if valid_ds is not None:
        given["select"] = {**given.get("select", {}), "suite": ""}
    given["data"] = Data(train=(Source(path=str(place.absolute())),))
    try:
        return Recipe.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UsageError(f"{key}: {first['msg']}.", "the setting mended") from error


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
