"""What the weight files of a checkpoint say without being loaded."""

import math
from pathlib import Path

from safetensors import safe_open

from angle_bench.checkpoints.folder.config import read_config, shape_of
from angle_bench.checkpoints.folder.content import content_files
from angle_bench.errors import MEMORY_FIX, ModelError, first_line, no_memory

_MODEL2VEC = ("config.json", "model.safetensors", "tokenizer.json")  # its own layout
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")


def bytes_of(folder: Path) -> int:
    """What the weight files take on disk, those of modules in its folders included.

    Pickled weights that stand beside safetensors, and the states of a training, do not count.

    Raises:
        ModelError: A file is gone.
    """
    files = [file for path, file in content_files(folder).items() if path.endswith(_WEIGHTS)]
    try:
        return sum(file.stat().st_size for file in files)
    except OSError as error:
        raise unloadable(folder, error) from error


def parameters_of(folder: Path) -> int:
    """How many parameters the weight files hold, from their headers alone.

    Raises:
        ModelError: A file cannot be read.
    """
    count = 0
    for file in folder.glob("*.safetensors"):
        try:
            with safe_open(file, framework="numpy") as opened:
                slices = [opened.get_slice(name) for name in opened.keys()]  # noqa: SIM118
                count += sum(math.prod(each.get_shape()) for each in slices)
        except Exception as error:  # the reader's own error class is not public
            raise unloadable(folder, error) from error
    return count


def names_of_weights(folder: Path) -> set[str]:
    """The names of all tensors in the folder's own safetensors; none where it has only pickles.

    Raises:
        ModelError: A file cannot be read.
    """
    found: set[str] = set()
    for file in folder.glob("*.safetensors"):
        try:
            with safe_open(file, framework="numpy") as opened:
                found |= set(opened.keys())
        except Exception as error:  # the reader's own error class is not public
            raise unloadable(folder, error) from error
    return found


def is_model2vec(folder: Path) -> bool:
    """Whether a folder holds what `StaticModel.save_pretrained` of model2vec writes.

    Its embeddings have another name than those of sentence-transformers.
    """
    if not all((folder / name).is_file() for name in _MODEL2VEC):
        return False
    try:
        with safe_open(folder / "model.safetensors", framework="numpy") as opened:
            return "embeddings" in opened.keys()  # noqa: SIM118  it is no dict
    except Exception:  # the reader's own error class is not public; whoever loads it says more
        return False


def outside_embeddings(folder: Path, parameters: int) -> int:
    """The parameters that every token is multiplied with: those that are no word embeddings."""
    vocabulary, shape = read_config(folder).get("vocab_size"), shape_of(folder)
    embedded = vocabulary * shape.width if isinstance(vocabulary, int) and shape else 0
    return max(parameters - embedded, parameters // 10)


def unloadable(folder: Path, error: Exception) -> ModelError:
    """The error for a folder that a reader underneath refuses."""
    if "trust_remote_code" in str(error):
        return ModelError(
            f"{folder} comes with code of its makers, which would run on this machine.",
            "--trust-remote-code, if you trust them",
        )
    if no_memory(error):
        return ModelError(f"memory ran out while {folder} was loaded.", MEMORY_FIX)
    return ModelError(
        f"{folder} could not be loaded: {first_line(error, 300)}",
        "the folder saved or copied again as a whole; --debug shows the traceback",
    )
