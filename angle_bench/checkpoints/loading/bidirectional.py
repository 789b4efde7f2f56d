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

Args = tuple[Any, ...]
Given = dict[str, Any]

_REAL = "angle_bench_real"


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
            f"a bidirectional_start from 0 to {len(layers) - 1}",
        )
    config = model.config

    def remember(_model: Any, args: Args, given: Given) -> tuple[Args, Given]:
        return args, {**given, _REAL: _Real(given.get("attention_mask"))}

    def causal(_layer: Any, args: Args, given: Given) -> tuple[Args, Given]:
        return args, {name: value for name, value in given.items() if name != _REAL}

    def ahead(layer: Any, args: Args, given: Given) -> tuple[Args, Given]:
        args, kept = causal(layer, args, given)
        hidden = args[0] if args else given["hidden_states"]
        return args, {**kept, "attention_mask": given[_REAL].mask(config, hidden)}

    model.register_forward_pre_hook(remember, with_kwargs=True)
    for number, layer in enumerate(layers):
        if number >= start:
            # read by kernels that get no explicit mask
            layer.get_submodule("self_attn").is_causal = False  # type: ignore[assignment]
        hook = causal if number < start else ahead
        layer.register_forward_pre_hook(hook, with_kwargs=True)


def decoder_layers(model: Any) -> list[nn.Module]:
    """The decoder layers of a model, in order.

    Raises:
        ModelError: It has none whose attention can be turned.
    """
    layers = getattr(model, "layers", None)
    if not isinstance(layers, nn.ModuleList) or not all(hasattr(x, "self_attn") for x in layers):
        raise ModelError(
            f"{type(model).__name__} has no list of decoder layers to make bidirectional.",
            "a LLaMA-like decoder, or no bidirectional_start",
        )
    return list(layers)


class _Real:
    """Which tokens of a forward pass are real; it goes to the layers among their arguments.

    So a layer that is computed again, after other passes, for its gradient, finds its own.
    """

    def __init__(self, real: Tensor | None) -> None:
        self._real = real
        self._mask: Any = None
        self._made = False

    def mask(self, config: Any, hidden: Tensor) -> Any:
        """Every real token from every position, in the form that the model's attention takes."""
        if not self._made:
            self._mask = create_bidirectional_mask(
                config=config, inputs_embeds=hidden, attention_mask=self._real
            )
            self._made = True
        return self._mask
