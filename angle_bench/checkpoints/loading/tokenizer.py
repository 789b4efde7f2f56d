"""Load the tokenizer of a checkpoint, and refuse one whose tokens the model cannot take."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.config import read_json
from angle_bench.checkpoints.folder.read_folder import has_tokenizer
from angle_bench.checkpoints.folder.weights import unloadable
from angle_bench.checkpoints.loading.panics import panics_caught
from angle_bench.errors import ModelError, some


def load_tokenizer(place: CheckpointPaths) -> Any:
    """The tokenizer of a checkpoint, with a pad token; an adapter without one has its base's.

    Raises:
        ModelError: It cannot be read, has no pad token, or draws its tokens at random.
    """
    folder = place.folder if has_tokenizer(place.folder) else place.whole
    try:
        with panics_caught():
            tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=place.trust.remote_code
            )
    except Exception as error:  # every reader underneath has errors of its own
        raise unloadable(folder, error) from error
    if tokenizer.pad_token_id is None:
        raise ModelError(
            f"the tokenizer of {folder} has no pad token.",
            "tokenizer.pad_token = tokenizer.eos_token, then tokenizer.save_pretrained(FOLDER)",
        )
    if tokenizer.is_fast and getattr(tokenizer.backend_tokenizer.model, "dropout", None):
        raise ModelError(
            f"the tokenizer of {folder} draws its tokens at random (model.dropout).",
            f"a tokenizer.json in {folder} whose model.dropout is null",
        )
    if folder == place.whole:  # an adapter's own tokenizer goes with rows of its own
        refuse_surplus_tokens(folder, tokenizer)
    return tokenizer


def refuse_surplus_tokens(folder: Path, tokenizer: Any) -> None:
    """Refuse a tokenizer with ids for which the embedding has no row.

    Raises:
        ModelError: It has such ids, as where tokens were added and the embedding was not resized.
    """
    config = read_json(folder / "config.json")
    rows = config.get("text_config", config).get("vocab_size")
    highest = max(len(tokenizer) - 1, *tokenizer.added_tokens_decoder)  # cheap, unlike all ids
    if not isinstance(rows, int) or highest < rows:
        return
    surplus = sorted((at, token) for token, at in tokenizer.get_vocab().items() if at >= rows)
    if surplus:
        raise ModelError(
            f"the tokenizer of {folder} has ids up to {surplus[-1][0]}, the embedding only {rows} "
            f"rows: none for {some([repr(token) for _, token in surplus])}.",
            "model.resize_token_embeddings(len(tokenizer)) and both saved again, or the tokenizer "
            "that belongs to the model",
        )
