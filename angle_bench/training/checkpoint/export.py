"""Other forms of a checkpoint: for sentence-transformers, merged into its base, as an adapter."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.adapter_config import CONFIG, is_adapter, recorded_base
from angle_bench.checkpoints.folder.angle_bench_json import FILE_NAME, MERGE_RECORD, Maker, OwnFile
from angle_bench.checkpoints.folder.content import content_files
from angle_bench.checkpoints.loading.backbone import load_backbone
from angle_bench.checkpoints.named_prompts import stored_prompts
from angle_bench.checkpoints.registry.registry import find
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.errors import ModelError, UsageError, first_line
from angle_bench.evaluation.hub_results import HubScore, model_index, result_files
from angle_bench.files.whole_folder import write_folder
from angle_bench.results.training_texts import FILE_NAME as TRAINING_TEXTS
from angle_bench.training.checkpoint.candidate import (
    TrainedCheckpoint,
    Write,
    change_json,
    refuse_foreign,
    save_checkpoint,
)
from angle_bench.training.checkpoint.card import CardFacts, model_card, with_new_head
from angle_bench.training.checkpoint.st_files import inexpressible

Form = Literal["sentence-transformers", "merged", "adapter"]

_CARD = "README.md"


def export(spec: ModelSpec, form: Form, output: Path, scores: Sequence[HubScore] = ()) -> Path:
    """Write a checkpoint in another form; its vectors stay what they are.

    `sentence-transformers` and `merged` are whole models in the dtype that they are computed in,
    an adapter merged into its base, shards put together; `merged` may also have settings that
    only our file holds. `adapter` is the adapter alone, with the name of its base.

    Args:
        spec: The checkpoint, with the settings that it is to have.
        form: Which.
        output: The new folder.
        scores: What the card and `.eval_results` are to say of it.

    Returns:
        The folder.

    Raises:
        UsageError: The form cannot express the checkpoint, or the folder is somebody else's.
        ModelError: It cannot be loaded.
        ResultsError: The folder cannot be written.
    """
    folder = folder_of(spec)
    settings = _refuse(spec, form)
    refuse_place(output, "export", folder, None if spec.base is None else Path(spec.base))
    beside = _beside(spec, folder, form, scores)
    if form == "adapter":
        _copy_adapter(spec, folder, output, beside)
        return output
    place = CheckpointPaths(folder, _base(spec), spec.trust)
    merging = settings.model_copy(update={"merge_adapter": spec.base is not None})
    # the layers that look ahead are no part of the weights
    loaded = load_backbone(
        place, merging.model_copy(update={"bidirectional_start": None}), torch.device("cpu")
    )
    candidate = TrainedCheckpoint(
        loaded.model,
        loaded.tokenizer,
        settings,
        dense=loaded.dense,
        selected_on_test=spec.selected_on_test,
        names=prompt_names(spec, folder),
    )
    save_checkpoint(output, candidate, beside, made_by="export")
    return output


def prompt_names(spec: ModelSpec, folder: Path) -> dict[str, str]:
    """The folder's prompts by name, as long as nobody typed others over them."""
    same = spec.defaults is not None and spec.required_settings().prompts == spec.defaults.prompts
    return stored_prompts(folder) if same else {}


def folder_of(spec: ModelSpec) -> Path:
    """Where the files of a checkpoint are, downloaded if need be.

    Raises:
        UsageError: It is none of transformers.
    """
    if spec.loader != "transformers":
        raise UsageError(
            f"{spec.name} is loaded by {spec.computed_by} itself; it has no other form here.",
            "angle-bench export with a folder of angle-bench train",
        )
    return spec.folder or hub.fetch(spec.name, spec.revision)


def _base(spec: ModelSpec) -> Path | None:
    return (
        None
        if spec.base is None
        else LoadOptions().base_folder(spec.base, spec.label, folder_of(spec))
    )


def _refuse(spec: ModelSpec, form: Form) -> Settings:
    """The settings of what is written, unless the form cannot hold them."""
    settings = spec.required_settings()
    if form == "adapter":
        if spec.base is None:
            raise UsageError(
                f"{spec.label} is a whole model, no adapter.", "--to sentence-transformers"
            )
        return settings
    if form == "merged" and settings.quantization is not None:
        raise UsageError(
            f"an adapter on a base in {settings.quantization} cannot be merged without "
            "changing its vectors.",
            "--to adapter",
        )
    if form == "sentence-transformers" and (lacking := inexpressible(settings)):
        other = "adapter" if settings.quantization is not None else "merged"
        raise UsageError(
            f"sentence-transformers has no place for {' and '.join(lacking)}, which "
            f"{spec.label} has.",
            f"--to {other}, which angle-bench loads with exactly these settings",
        )
    return settings.model_copy(update={"merge_adapter": False})


def refuse_place(output: Path, made_by: Maker, *sources: Path | None) -> None:
    """Refuse a new folder that is somebody else's, or one with what it is made of.

    Raises:
        UsageError: The folder belongs to something else, or holds a source.
    """
    place = output.resolve()
    for source in sources:
        if source is None or not source.is_dir():
            continue
        given = source.resolve()
        if place == given or place.is_relative_to(given) or given.is_relative_to(place):
            raise UsageError(
                f"{output} is, holds or lies in the checkpoint itself.", "-o FOLDER beside it"
            )
    refuse_foreign(output, made_by)


def _beside(
    spec: ModelSpec, folder: Path, form: Form, scores: Sequence[HubScore]
) -> dict[str, Write]:
    """The model card, its head telling of the new form, scores, the record of training texts."""
    named = recorded_base(folder) if spec.base is not None else _trained_from(spec)
    known = find(named) if named is not None else find(spec.name)
    facts = CardFacts(
        name=spec.label,
        settings=spec.required_settings(),
        base_model=named,
        adapter=form == "adapter",
        license=known.license if known is not None else None,
        selected_on_test=spec.selected_on_test,
        model_index=model_index(spec.label, scores) if scores else (),
    )
    written = folder / _CARD
    if written.is_file():
        text = with_new_head(written.read_text(encoding="utf-8"), facts)
    else:
        text = model_card(facts)
    beside: dict[str, Write] = {_CARD: lambda place: place.write_text(text, encoding="utf-8")}
    for name, said in (result_files(scores) if scores else {}).items():
        beside[name] = partial(_put, said)
    for name in (TRAINING_TEXTS, MERGE_RECORD):
        if (folder / name).is_file():
            beside[name] = partial(shutil.copyfile, folder / name)
    return beside


def _put(text: str, place: Path) -> None:
    """Write a file that may be the first of its folder."""
    place.parent.mkdir(exist_ok=True)
    place.write_text(text, encoding="utf-8")


def _trained_from(spec: ModelSpec) -> str | None:
    """What a whole checkpoint was trained from: itself, where it is one of the hub."""
    return None if spec.name.startswith("local/") else spec.name


def _copy_adapter(spec: ModelSpec, folder: Path, output: Path, beside: dict[str, Write]) -> None:
    def fill(place: Path) -> None:
        fill_adapter(place, spec, folder, "export")
        for name, write in beside.items():
            write(place / name)

    write_folder(output, fill, "-o FOLDER on a disk with space")


def fill_adapter(place: Path, spec: ModelSpec, folder: Path, made_by: Maker) -> None:
    """Copy an adapter into an empty folder, with its settings and the name of its base.

    Args:
        place: The empty folder.
        spec: The adapter, with the settings that it is to have.
        folder: Where its files are.
        made_by: Who may write the folder again.
    """
    for path, file in content_files(folder).items():
        if path == "modules.json" and spec.settings_id is not None:
            continue  # it says the settings that were typed over
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place / path)
    own = OwnFile(
        made_by=made_by,
        settings=spec.required_settings(),
        selected_on_test=spec.selected_on_test,
    )
    (place / FILE_NAME).write_text(own.text(), encoding="utf-8")
    if _is_elsewhere(folder, str(spec.base)):
        change_json(place / CONFIG, base_model_name_or_path=spec.base, revision=None)


def _is_elsewhere(adapter: Path, base: str) -> bool:
    """Whether an adapter is used on another base than the one that it names.

    A hub id is kept where the base is the copy of it in the hub's cache or in a mirror.
    """
    recorded = recorded_base(adapter)
    if recorded is None or recorded == base:
        return recorded is None
    if Path(recorded).is_dir():
        return Path(recorded).resolve() != Path(base).resolve()
    copies = (f"/{recorded}", f"/models--{recorded.replace('/', '--')}/")
    return not any(copy in f"{Path(base).as_posix()}/" for copy in copies)


def push(folder: Path, name: str) -> str:
    """Upload a folder as one commit of a model repository, which is made if need be (private).

    Args:
        folder: What `export` wrote.
        name: The hub id.

    Returns:
        The address of the commit.

    Raises:
        UsageError: The folder needs a base that only this machine has.
        ModelError: The hub refuses, or cannot be reached.
    """
    _refuse_local_base(folder)
    if hub.state() != "online":
        raise ModelError(
            f"{name} cannot be pushed: the hub cannot be reached ({hub.state()}).",
            f"hf upload {name} {folder}   (with a network)",
        )
    from huggingface_hub import HfApi

    with _push_errors(folder, name):
        api = HfApi()
        api.create_repo(name, private=True, exist_ok=True)
        done = api.upload_folder(
            repo_id=name, folder_path=folder, commit_message="Exported by angle-bench"
        )
        return str(done.commit_url)


def _refuse_local_base(folder: Path) -> None:
    if not is_adapter(folder):
        return
    base = recorded_base(folder)
    if base is None or Path(base).is_absolute() or Path(base).exists():
        raise UsageError(
            f"{folder} is an adapter of {base}, which only this machine has.",
            "--to merged, or the base's hub id as base_model_name_or_path in adapter_config.json",
        )


@contextmanager
def _push_errors(folder: Path, name: str) -> Iterator[None]:
    from huggingface_hub import errors

    again = f"hf upload {name} {folder}   (the folder is written)"
    try:
        yield
    except errors.HFValidationError as error:
        raise UsageError(
            f"{name} cannot be a name on the hub: {first_line(error)}", "--push-to-hub ORG/NAME"
        ) from error
    except errors.LocalTokenNotFoundError as error:
        raise ModelError(f"{name} cannot be pushed: no token is set.", "hf auth login") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise ModelError(
                f"{name} cannot be pushed: this account may not write there, or no token is set "
                f"({first_line(error)}).",
                f"hf auth login, then {again}",
            ) from error
        raise ModelError(f"the hub refused {name}: {first_line(error)}", again) from error
    except Exception as error:  # the transport underneath has errors of its own, by version
        raise ModelError(f"{name} could not be pushed: {first_line(error)}", again) from error
