"""A trained candidate as a folder that `run`, sentence-transformers and transformers load."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from angle_bench.checkpoints.folder.adapter_config import CONFIG
from angle_bench.checkpoints.folder.angle_bench_json import FILE_NAME, Maker, OwnFile, read_own_file
from angle_bench.checkpoints.loading.backbone import token_width
from angle_bench.checkpoints.spec import Settings
from angle_bench.errors import ModelError, UsageError
from angle_bench.files.whole_folder import write_folder
from angle_bench.training.checkpoint.st_files import (
    inexpressible,
    write_dense_modules,
    write_st_files,
)

Write = Callable[[Path], Any]


@dataclass(frozen=True)
class TrainedCheckpoint:
    """A model in memory, and how its vectors are taken.

    Attributes:
        model: The transformer without its head, or peft's model around it.
        tokenizer: Its tokenizer.
        settings: What it was trained with, and is to be used with.
        base: Where the base of an adapter is, a hub id or a folder; None for a whole model.
        own_embedding: Whether an adapter brings word embeddings of its own, which are saved whole.
        dense: What follows the pooling, in the order of the settings' `dense`.
        state: Its weights, where these were gathered from several processes.
        selected_on_test: The test splits that it was chosen by, such as `STSBenchmark test`.
        names: Further templates by a name of their own, which a call may ask for.
    """

    model: Any
    tokenizer: Any
    settings: Settings
    base: str | None = None
    own_embedding: bool = False
    dense: Sequence[nn.Module] = ()
    state: Mapping[str, Tensor] | None = None
    selected_on_test: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


def save_checkpoint(
    folder: Path,
    candidate: TrainedCheckpoint,
    beside: Mapping[str, Write] | None = None,
    made_by: Maker = "train",
) -> None:
    """Write a candidate as a folder, whole or not at all.

    Where sentence-transformers has a place for all settings, `SentenceTransformer(folder)` gives
    the same vectors; `angle-bench run -m folder` always does.

    Args:
        folder: Where; one that is there must be empty, or made in the same way.
        candidate: What to save.
        beside: Further files by name, such as the model card, each with what writes it.
        made_by: Who may write the folder again.

    Raises:
        UsageError: The folder is somebody else's.
        ResultsError: The disk is full or cannot be written; what stood there is untouched.
    """
    refuse_foreign(folder, made_by)

    def fill(place: Path) -> None:
        fill_checkpoint(place, candidate, made_by)
        for name, write in (beside or {}).items():
            write(place / name)

    write_folder(
        folder, fill, "-o FOLDER on a disk with space, or the same command after making it"
    )


def refuse_foreign(folder: Path, made_by: Maker) -> None:
    """Refuse to write over a folder that was not made in the same way.

    Raises:
        UsageError: The folder holds something that was not made so.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    own = read_own_file(folder) if folder.is_dir() else None
    if own is None or own.made_by != made_by:
        raise UsageError(
            f"{folder} is there already and holds something else.", "-o FOLDER of a new name"
        )


def fill_checkpoint(folder: Path, candidate: TrainedCheckpoint, made_by: Maker = "train") -> None:
    """Write the files of a checkpoint into an empty folder.

    Args:
        folder: The folder, which is there.
        candidate: What to save.
        made_by: Who may write the folder again.

    Raises:
        ModelError: A weight is not finite.
        OSError: The disk is full or cannot be written.
    """
    _refuse_nonfinite(candidate)
    settings = candidate.settings
    own = OwnFile(made_by=made_by, settings=settings, selected_on_test=candidate.selected_on_test)
    try:
        _write_weights(folder, candidate)
        _write_tokenizer(folder, candidate.tokenizer)
        if not inexpressible(settings):
            # a whole model's config names its dtype, the one of a base may name another
            args = {} if candidate.base is None else {"dtype": settings.dtype}
            width = token_width(candidate.model.config)
            write_st_files(folder, settings, width, candidate.dense, candidate.names, **args)
        else:
            write_dense_modules(folder, settings, candidate.dense)
    except SafetensorError as error:  # its writer's errors are no OSError
        raise OSError(str(error)) from error
    (folder / FILE_NAME).write_text(own.text(), encoding="utf-8")


def _refuse_nonfinite(candidate: TrainedCheckpoint) -> None:
    weights = dict(
        candidate.model.named_parameters() if candidate.state is None else candidate.state
    )
    for number, layer in enumerate(candidate.dense):
        weights |= {f"dense.{number}.{name}": each for name, each in layer.named_parameters()}
    bad = [
        name
        for name, each in weights.items()
        if each.is_floating_point() and not torch.isfinite(each).all()
    ]
    if bad:
        raise ModelError(
            f"{len(bad)} of {len(weights)} weights are not finite, {bad[0]} among them; such a "
            "checkpoint is not saved, and earlier ones are untouched.",
            "a smaller train.learning_rate, or --set train.precision=float32, and a new -o FOLDER",
        )


def _write_weights(folder: Path, candidate: TrainedCheckpoint) -> None:
    state = {} if candidate.state is None else {"state_dict": dict(candidate.state)}
    if candidate.base is None:
        candidate.model.save_pretrained(folder, **state)
        # what it is computed in, whatever its weights are kept in
        change_json(folder / "config.json", dtype=candidate.settings.dtype)
        return
    # "auto" would ask the hub for the size of the base's vocabulary
    candidate.model.save_pretrained(folder, save_embedding_layers=candidate.own_embedding, **state)
    (folder / "README.md").unlink(missing_ok=True)  # peft's own template
    change_json(folder / CONFIG, base_model_name_or_path=candidate.base)


def _write_tokenizer(folder: Path, tokenizer: Any) -> None:
    side = tokenizer.padding_side
    try:
        tokenizer.padding_side = "right"  # every batch here is; absolute positions depend on it
        tokenizer.save_pretrained(folder)
    except Exception as error:  # the library underneath raises nothing narrower
        if isinstance(error, OSError) or "os error" not in str(error):
            raise
        raise OSError(str(error)) from error
    finally:
        tokenizer.padding_side = side


def change_json(place: Path, **values: Any) -> None:
    """Set keys of a JSON file that holds an object."""
    known = json.loads(place.read_text(encoding="utf-8"))
    place.write_text(json.dumps(known | values, indent=2) + "\n", encoding="utf-8")
