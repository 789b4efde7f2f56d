"""Read off a checkpoint folder what its own files say: layout, pooling, prompts, length, base."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from angle_bench.checkpoints.folder.adapter_config import refuse_kind
from angle_bench.checkpoints.folder.angle_bench_json import FILE_NAME, read_own_file
from angle_bench.checkpoints.folder.config import (
    is_decoder,
    left_pads_move,
    max_length,
    read_keys,
    refuse_architecture,
    shape_of,
)
from angle_bench.checkpoints.folder.content import content_files
from angle_bench.checkpoints.folder.findings import angle_findings, foreign_part
from angle_bench.checkpoints.folder.handed_over import check_handed_over, kind_of
from angle_bench.checkpoints.folder.st_folder import (
    dense_width,
    is_sentence_transformers,
    st_settings,
    unread_prompt,
)
from angle_bench.checkpoints.folder.weights import is_model2vec
from angle_bench.checkpoints.spec import (
    NO_TRUST,
    POOLING_ALIASES,
    Kind,
    Loader,
    PoolingName,
    Settings,
    Shape,
    Trust,
)
from angle_bench.errors import ModelError, shell_word, some

UNRECORDED_POOLING: PoolingName = "cls"

_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "bpe.codes", ".model", ".spm")


@dataclass(frozen=True)
class FolderFacts:
    """What a folder's files say.

    Attributes:
        settings: Its own; where something was not recorded, what is used unless the user says so.
        note: A line for the user where something was not recorded.
        shape: Layers, and the length of a vector.
        loader: Who can compute it.
        kind: What it gives.
        unrecorded: What the user has to say, since a guess would be wrong too often: `pooling`,
            `prompt`, `bidirectional_start`.
        selected_on_test: Test splits that it was chosen by.
    """

    settings: Settings
    note: str | None = None
    shape: Shape | None = None
    loader: Loader = "transformers"
    kind: Kind = "encoder"
    unrecorded: tuple[str, ...] = ()
    selected_on_test: tuple[str, ...] = ()


def looks_like_checkpoint(folder: Path) -> bool:
    """Whether a folder is meant as a model: it has a config or a list of modules."""
    names = ("config.json", "modules.json", "adapter_config.json")
    return any((folder / name).is_file() for name in names)


def read_folder(folder: Path, base: Path | None = None, trust: Trust = NO_TRUST) -> FolderFacts:
    """The settings of a folder of ours, transformers, sentence-transformers, angle-emb or peft.

    Args:
        folder: The checkpoint.
        base: The base of an adapter.
        trust: What of it may run code.

    Raises:
        ModelError: Weights, tokenizer or config are missing or cannot be read.
    """
    if base is None and is_model2vec(folder):
        return _model2vec(folder)
    kind = "encoder" if (folder / FILE_NAME).is_file() else kind_of(folder)
    if kind != "encoder":
        return _other_kind(folder, base, trust, kind)
    if base is not None:
        _check_adapter(folder, base, trust)
    foreign = _foreign_part(folder, trust)
    if base is None:
        _check_complete(folder, trust, foreign)
    try:
        facts = _read(folder, base or folder, foreign)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ModelError(
            f"{folder} has settings that cannot be: {key}: {first['msg'].lower()}.",
            "the folder saved anew",
        ) from error
    if facts.loader == "transformers" and left_pads_move(folder, base or folder):
        notes = [facts.note] if facts.note else []
        return replace(facts, note="; ".join([*notes, _left_pads(folder)]))
    return facts


def _other_kind(folder: Path, base: Path | None, trust: Trust, kind: Kind) -> FolderFacts:
    """A folder that gives no vector of a text, which sentence-transformers computes."""
    if base is not None:
        raise ModelError(
            f"{folder} is an adapter of a {kind}, and is not loaded without being merged.",
            "a folder with the whole model: merge_and_unload() of peft, and save_pretrained",
        )
    check_handed_over(folder, trust, kind)
    note = f"{folder} is a {kind}: sentence-transformers computes it, by mteb's own wrapper"
    placeholder = Settings(pooling=UNRECORDED_POOLING, max_length=2)
    return FolderFacts(placeholder, note, loader="sentence-transformers", kind=kind)


def _model2vec(folder: Path) -> FolderFacts:
    note = f"{folder} has static embeddings: model2vec itself computes it, whatever else lies there"
    placeholder = Settings(pooling=UNRECORDED_POOLING, max_length=2)
    return FolderFacts(placeholder, note, loader="model2vec")


def _foreign_part(folder: Path, trust: Trust) -> str | None:
    """What only sentence-transformers computes; nothing where our own file says every setting."""
    if (folder / FILE_NAME).is_file() or not is_sentence_transformers(folder):
        return None
    return foreign_part(folder, trust.remote_code)


def _left_pads(folder: Path) -> str:
    return (
        f"{folder} pads on the left of learned absolute positions: sentence-transformers' vectors "
        "depend on the batch, these are those of each text alone"
    )


def _read(folder: Path, whole: Path, foreign: str | None) -> FolderFacts:
    """What is recorded in a folder whose config is in `whole`; `foreign` is its foreign part."""
    if (own := read_own_file(folder)) is not None:
        shape = _shape(folder, whole, own.settings)
        return FolderFacts(own.settings, shape=shape, selected_on_test=own.selected_on_test)
    if is_sentence_transformers(folder):
        return _sentence_transformers(folder, whole, foreign)
    shape = shape_of(whole)
    decoder = is_decoder(whole)
    if (recorded := _angle_config(folder, whole)) is not None:
        # angle-emb records no prompt, and its language models are useless without theirs
        unrecorded = ["prompt"] if decoder else []
        unrecorded += ["bidirectional_start"] if _looks_ahead(folder) else []
        return FolderFacts(recorded, shape=shape, unrecorded=tuple(unrecorded))
    pooling: PoolingName = "last" if decoder else UNRECORDED_POOLING
    facts = FolderFacts(
        Settings(pooling=pooling, max_length=max_length(whole, folder)), shape=shape
    )
    if decoder:
        return replace(facts, unrecorded=("pooling", "prompt"))
    if whole != folder:
        return replace(facts, unrecorded=("pooling",))
    note = (
        f"{folder} records no pooling; using {UNRECORDED_POOLING}, the default of AnglE "
        "(--pooling mean for another)"
    )
    return replace(facts, note=note)


def _sentence_transformers(folder: Path, whole: Path, foreign: str | None) -> FolderFacts:
    if foreign is not None:
        note = f"{folder} has {foreign}: sentence-transformers itself computes it"
        placeholder = Settings(pooling=UNRECORDED_POOLING, max_length=2)
        return FolderFacts(placeholder, note, loader="sentence-transformers")
    settings = st_settings(folder, whole)
    return FolderFacts(settings, _unread(folder), shape=_shape(folder, whole, settings))


def _unread(folder: Path) -> str | None:
    if (name := unread_prompt(folder)) is None:
        return None
    return (
        f"{folder} names a prompt {name} and none for document: documents get none, as in "
        f"sentence-transformers ({name} renamed to document in its prompts changes that)"
    )


def _shape(folder: Path, whole: Path, settings: Settings) -> Shape | None:
    """Layers, and the length of a vector after the Dense modules and the folder's own cut."""
    shape = shape_of(whole)
    if shape is None:
        return None
    width = dense_width(folder, settings.dense[-1]) if settings.dense else shape.width
    return Shape(layers=shape.layers, width=min(width, settings.truncate_dim or width))


ANGLE_CONFIGS = ("angle_config.json", "angle.config")


def _angle_config(folder: Path, whole: Path) -> Settings | None:
    """What AnglE's own trainer recorded: pooling and length."""
    for name in ANGLE_CONFIGS:
        config = read_keys(folder / name)
        _refuse_unknown(folder, name)
        if (named := config.get("pooling_strategy")) is None:
            continue
        length = config.get("max_length")
        limits = [max_length(whole, folder), *([length] if isinstance(length, int) else [])]
        pooling = POOLING_ALIASES.get(named, named) if isinstance(named, str) else named
        # any other pooling than ours is refused by the check of the settings
        return Settings(pooling=pooling, max_length=min(limits))
    return None


def _refuse_unknown(folder: Path, name: str) -> None:
    for one in angle_findings(folder, name):
        if one.verdict == "refused":
            raise ModelError(
                f"{folder / name} has {one.why}, which may change vectors in a way unknown here.",
                f"the key {one.key} taken out of {name}, if it changes none",
            )


def _looks_ahead(folder: Path) -> bool:
    """Whether AnglE's trainer made later layers of a decoder look ahead; it does not say which."""
    return any(read_keys(folder / name).get("apply_billm") for name in ANGLE_CONFIGS)


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder has the files of a tokenizer."""
    return _tokenizer_among(content_files(folder))


def _tokenizer_among(files: Collection[str]) -> bool:
    return any(path.endswith(_TOKENIZER_FILES) for path in files)


def _check_complete(folder: Path, trust: Trust, foreign: str | None) -> None:
    if foreign is not None:
        check_handed_over(folder, trust)
        return
    refuse_no_model(folder)
    refuse_architecture(folder)
    files = content_files(folder)
    _check_weights(folder, files, trust)
    _check_tokenizer(folder, files)


def refuse_no_model(folder: Path) -> None:
    """Refuse a folder without a config, before all that lies in it is walked through.

    Raises:
        ModelError: It has none; a checkpoint in it is named.
    """
    if (folder / "config.json").is_file():
        return
    inner = [place for place in sorted(folder.iterdir()) if looks_like_checkpoint(place)]
    raise ModelError(
        f"{folder} has no config.json: it is no transformers model folder"
        + (f", but holds {some([place.name for place in inner])}." if inner else "."),
        f"-m {shell_word(inner[0])}"
        if inner
        else "-m FOLDER that save_pretrained or SentenceTransformer.save wrote",
    )


def _check_adapter(folder: Path, base: Path, trust: Trust) -> None:
    refuse_kind(folder)
    files = content_files(folder)
    _check_weights(folder, [path for path in files if path.startswith("adapter_model.")], trust)
    if not (base / "config.json").is_file():
        raise ModelError(
            f"{base}, the base of {folder}, has no config.json: it is no transformers model.",
            "--base PATH of the folder that the adapter was trained on",
        )
    refuse_architecture(base)
    of_base = content_files(base)
    _check_weights(base, of_base, trust)
    if not _tokenizer_among(files):
        _check_tokenizer(base, of_base)


def _check_weights(folder: Path, files: Collection[str], trust: Trust) -> None:
    if any(path.endswith(".safetensors") for path in files):
        return
    pickled = any(path.endswith(".bin") for path in files)
    if pickled and trust.pickle:
        return
    raise ModelError(
        f"{folder} has no weights in safetensors"
        + (", only a pickle, which can run code when it is loaded." if pickled else "."),
        "--allow-pickle, if you trust its makers"
        if pickled
        else "model.save_pretrained(FOLDER) with transformers 5, which writes model.safetensors",
    )


def _check_tokenizer(folder: Path, files: Collection[str]) -> None:
    if not _tokenizer_among(files):
        raise ModelError(
            f"{folder} has no tokenizer (none of {', '.join(_TOKENIZER_FILES)}).",
            f"tokenizer.save_pretrained({str(folder)!r}) with the base model's tokenizer",
        )
