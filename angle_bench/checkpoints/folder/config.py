"""What the JSON files of a checkpoint say of its transformer: shape, positions, length."""

import json
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.spec import Shape
from angle_bench.errors import ModelError
from angle_bench.files.regular import read_regular

LONGEST_WITHOUT_LIMIT = 512
SETTLED_NS = 2_000_000_000  # what changed before that would look different if it changed again
MOST_KEPT = 128  # files whose text is kept

_ROBERTA_OFFSET = {"roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl"}

# whose encoder alone gives vectors, as in sentence-transformers: its class in transformers
T5_FAMILY = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}

# a pad before a text moves its tokens on
_POSITIONS_OF_A_ROW = {"bert", "distilbert", "albert", "electra", "gpt2"}

# their config has other names for layers and width
_SHAPE_KEYS = {
    **dict.fromkeys(T5_FAMILY, ("num_layers", "d_model")),
    "distilbert": ("n_layers", "dim"),
    "gpt2": ("n_layer", "n_embd"),
    "xlnet": ("n_layer", "d_model"),
    "openelm": ("num_transformer_layers", "model_dim"),
}


def read_json(place: Path, kind: type = dict) -> Any:
    """The value of a JSON file, which must be of this kind.

    Raises:
        ModelError: It cannot be read, or holds another kind.
    """
    try:
        value = json.loads(_text(place))
        if not isinstance(value, kind):
            raise ValueError(f"it holds no {kind.__name__}")
        return value
    except (OSError, ValueError, RecursionError) as error:  # nested too deeply
        raise ModelError(
            f"{place} cannot be read: {error}.",
            "the folder copied again as a whole, or saved anew",
        ) from error


def _text(place: Path) -> str:
    """The text of a file, which is opened once as long as the file system says it is the same.

    A file that changed within the last seconds is read again: clocks of file systems are coarse,
    and it may change once more without looking different.
    """
    stat = place.stat()
    if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) < SETTLED_NS:
        return read_regular(place).decode()
    return _kept(
        place, (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    )


@lru_cache(maxsize=MOST_KEPT)
def _kept(place: Path, _same: tuple[int, ...]) -> str:
    return read_regular(place).decode()


def read_keys(place: Path) -> dict[str, Any]:
    """The keys of a JSON file; none where there is no such file.

    Raises:
        ModelError: It cannot be read, or holds no object.
    """
    found: dict[str, Any] = read_json(place) if place.is_file() else {}
    return found


def read_config(folder: Path) -> dict[str, Any]:
    """The config of a transformer.

    Raises:
        ModelError: It cannot be read, or its `model_type` is no text.
    """
    place = folder / "config.json"
    config: dict[str, Any] = read_json(place)
    kind = config.get("model_type")
    if not isinstance(kind, str | None):
        raise ModelError(
            f"{place} has {json.dumps(kind)[:40]} as model_type, which is no text.",
            "the folder copied again as a whole, or saved anew",
        )
    return config


def shape_of(folder: Path) -> Shape | None:
    """Layers and width of token vectors, under the names of the architecture's config."""
    config = read_config(folder)
    config = config.get("text_config", config)
    layer_key, width_key = _SHAPE_KEYS.get(
        config.get("model_type"), ("num_hidden_layers", "hidden_size")
    )
    layers, width = config.get(layer_key), config.get(width_key)
    if config.get("model_type") == "opt":  # its last layer is projected
        width = config.get("word_embed_proj_dim", width)
    if isinstance(layers, int) and isinstance(width, int):
        return Shape(layers=layers, width=width)
    return None


def refuse_architecture(folder: Path) -> None:
    """Refuse a config that no encoder here can follow.

    Raises:
        ModelError: It is of an encoder-decoder other than T5's family, or has no layer.
    """
    config = read_config(folder)
    kind = config.get("model_type")
    if config.get("is_encoder_decoder") and kind not in T5_FAMILY:
        raise ModelError(
            f"{folder} is an encoder-decoder ({kind}), of which only T5, mT5 and UMT5 are known.",
            "the folder of an encoder or a decoder",
        )
    shape = shape_of(folder)
    if shape is not None and shape.layers < 1:
        raise ModelError(
            f"{folder / 'config.json'} has {shape.layers} layers.", "the folder saved anew"
        )


def left_pads_move(folder: Path, whole: Path) -> bool:
    """Whether pads stand before a text and its learned positions are counted from the first pad.

    Args:
        folder: Where the tokenizer is.
        whole: Where the transformer's config is.
    """
    if read_keys(folder / "tokenizer_config.json").get("padding_side") != "left":
        return False
    config = read_config(whole)
    kind = config.get("model_type")
    if kind in ("deberta", "deberta-v2"):
        return bool(config.get("position_biased_input", True))
    return kind in _POSITIONS_OF_A_ROW


def is_decoder(folder: Path) -> bool:
    """Whether a folder holds a language model that writes, by the class that its config names."""
    named = read_config(folder).get("architectures") or []
    if not isinstance(named, list):
        raise ModelError(
            f"{folder / 'config.json'}: architectures is no list.",
            "a checkpoint whose config.json is as transformers writes it",
        )
    # a LLaMA without its head is saved as LlamaModel
    decoders = ("Llama", "Mistral", "Qwen", "Gemma", "Phi", "OPT", "GPT", "Falcon", "Olmo")
    return any(str(n).endswith("ForCausalLM") or str(n).startswith(decoders) for n in named)


def max_length(folder: Path, adapter: Path | None = None) -> int:
    """The tokens that both tokenizer and positions allow, 512 where neither says.

    Args:
        folder: Where the transformer's config is.
        adapter: An adapter of that, whose tokenizer counts where it has one.
    """
    limit = positions(read_config(folder))
    limits = [] if limit is None else [limit]
    places = [one / "tokenizer_config.json" for one in (adapter or folder, folder)]
    place = next((one for one in places if one.is_file()), places[-1])
    length = read_keys(place).get("model_max_length")
    if isinstance(length, int) and length < 1_000_000:  # "no limit" is written as 1e30
        limits.append(length)
    return min(limits, default=LONGEST_WITHOUT_LIMIT)


def positions(config: Mapping[str, Any]) -> int | None:
    """How many tokens a config's table of positions holds, None where it says nothing."""
    rows = config.get("max_position_embeddings", config.get("max_context_length"))  # OpenELM's
    if not isinstance(rows, int):
        return None
    # RoBERTa's table starts at padding index + 1
    return rows - 2 if str(config.get("model_type")) in _ROBERTA_OFFSET else rows
