"""BiLLM: a decoder whose later layers also look ahead, on transformers 5.

Li and Li, "BeLLM: Backward Dependency Enhanced Large Language Model for Sentence Embeddings"
(NAACL 2024). Layers from `start` on are bidirectional, the earlier ones stay causal. The published
package lets real tokens look at padding too; here a pad is never looked at, so that a padded batch
equals its rows one by one.
"""

from typing import Any

from torch import Tensor, nn
from transformers.masking_utils import create_bidirectional_mask

from angle_bench.errors import ModelError


def make_bidirectional(model: Any, start: int) -> None:
    """Let the layers of a decoder from `start` on attend in both directions, in place.

    Args:
        model: A decoder of transformers without its vocabulary head, such as `LlamaModel`.
        start: The first bidirectional layer, 0 for all.

    Raises:
        ModelError: The model has no list of decoder layers with an attention, or too few of them.
    """
    layers = decoder_layers(model)
    if not 0 <= start < len(layers):
        raise ModelError(
            f"bidirectional_start {start} is beyond the {len(layers)} layers of "
            f"{type(model).__name__}.",
            f"bidirectional_start from 0 to {len(layers) - 1}",
        )
    mask = _Mask(model.config)
    model.register_forward_pre_hook(mask.remember, with_kwargs=True)
    layers[0].register_forward_pre_hook(mask.make, with_kwargs=True)
    for layer in layers[start:]:
        # read by kernels that get no explicit mask
        layer.get_submodule("self_attn").is_causal = False  # type: ignore[assignment]
        layer.register_forward_pre_hook(mask.put, with_kwargs=True)


def decoder_layers(model: Any) -> list[nn.Module]:
    """The decoder layers of a model, in order.

    Raises:
        ModelError: It has none whose attention can be turned.
    """
    layers = getattr(model, "layers", None)
    if not isinstance(layers, nn.ModuleList) or not all(hasattr(x, "self_attn") for x in layers):
        raise ModelError(
            f"{type(model).__name__} has no list of decoder layers to make bidirectional.",
            "bidirectional_start left out, or a LLaMA-like decoder",
        )
    return list(layers)


class _Mask:
    """The mask of the forward pass under way: every real token, from every position."""

    def __init__(self, config: Any) -> None:
        self._config = config
        self._real: Tensor | None = None
        self._mask: Any = None

    def remember(self, model: Any, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        """Keep which tokens are real, (batch, tokens), None where all are."""
        self._real = given.get("attention_mask")

    def make(self, layer: Any, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        """Build the mask once, in the form that the model's attention takes."""
        hidden = args[0] if args else given["hidden_states"]
        self._mask = create_bidirectional_mask(
            config=self._config, inputs_embeds=hidden, attention_mask=self._real
        )

    def put(
        self, layer: Any, args: tuple[Any, ...], given: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Hand it to a layer instead of the causal one."""
        return args, {**given, "attention_mask": self._mask}
