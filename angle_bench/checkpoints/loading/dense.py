"""The Dense module of sentence-transformers: a linear layer and an activation after the pooling."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from angle_bench.checkpoints.folder.config import read_json
from angle_bench.checkpoints.folder.honoured import ACTIVATIONS
from angle_bench.errors import ModelError, first_line


def load_dense(folder: Path, path: str) -> nn.Sequential:
    """A Dense module of a sentence-transformers folder, in float32.

    Args:
        folder: The folder.
        path: The module's folder in it.

    Raises:
        ModelError: Its weights cannot be read, or are not those of its config.
    """
    place = folder / path
    config = read_json(place / "config.json")
    linear = nn.Linear(config["in_features"], config["out_features"], bias=config.get("bias", True))
    activation: nn.Module = getattr(nn, ACTIVATIONS[config["activation_function"]])()
    try:
        weights = load_file(place / "model.safetensors")
        linear.load_state_dict({key.removeprefix("linear."): w for key, w in weights.items()})
    except Exception as error:  # the reader's own error class is not public
        raise ModelError(
            f"the Dense module {place} cannot be loaded: {first_line(error)}",
            "the folder copied again as a whole, or saved anew",
        ) from error
    return nn.Sequential(linear.to(torch.float32), activation).eval().requires_grad_(False)
