"""Whether layers that were made bidirectional do look ahead, seen by what they do."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from angle_bench.errors import ModelError

KNOWN = (
    "decoders of transformers that are built like LLaMA, Mistral and Qwen2, and such as OpenELM, "
    "whose own layers take a causal attention_mask of zeros, or of True, where a token sees another"
)
NOISE = 0.05  # of what another real token changes: quantised layers round by the whole batch


def not_bidirectional(model: Any, why: str) -> ModelError:
    """The error for an architecture of which it is not known how its layers look ahead."""
    kind = getattr(model.config, "model_type", "") or "of no model_type"
    return ModelError(
        f"{type(model).__name__} ({kind}) cannot be made bidirectional: {why}.",
        f"no bidirectional_start; known are {KNOWN}",
    )


def check_look_ahead(model: Any, padding: bool) -> None:
    """Compare short texts that differ in one token.

    Args:
        model: The decoder, in evaluation mode.
        padding: Whether it is checked, too, that no pad is looked at.

    Raises:
        ModelError: A later token changes nothing of those before it, or a pad does.
    """
    changed = _change(model, [1, 2, 3, 4], [1, 2, 3, 5], real=[1, 1, 1, 1], kept=slice(0, 3))
    if changed == 0:
        raise not_bidirectional(model, "its tokens do not see those after them")
    if not padding:
        return
    after = _change(model, [1, 2, 3, 4], [1, 2, 3, 5], real=[1, 1, 1, 0], kept=slice(0, 3))
    before = _change(model, [4, 1, 2, 3], [5, 1, 2, 3], real=[0, 1, 1, 1], kept=slice(1, 4))
    if not max(after, before) <= NOISE * changed:  # also where one is no number
        raise not_bidirectional(model, "its tokens see padding")


def _change(
    model: Any, first: Sequence[int], second: Sequence[int], real: Sequence[int], kept: slice
) -> float:
    """How far the vectors of the kept tokens of two texts are apart."""
    one, other = (_vectors(model, ids, real)[kept] for ids in (first, second))
    return float((one - other).abs().max())


# not inference_mode: what code of its own keeps of a pass has to serve training as well
@torch.no_grad()
def _vectors(model: Any, ids: Sequence[int], real: Sequence[int]) -> Tensor:
    given = (torch.tensor([each], device=model.device) for each in (ids, real))
    inputs, mask = given
    output: Tensor = model(input_ids=inputs, attention_mask=mask).last_hidden_state
    return output[0].float()
