"""BiLLM: a decoder whose later layers also look ahead, on transformers 5.

Li and Li, "BeLLM: Backward Dependency Enhanced Large Language Model for Sentence Embeddings"
(NAACL 2024). Layers from `start` on are bidirectional, the earlier ones stay causal. The published
package lets real tokens look at padding too; here a pad is never looked at, so that a padded batch
equals its rows one by one.
"""

from typing import Any

from torch import Tensor, nn
from transformers.masking_utils import create_bidirectional_mask

from angle_bench.checkpoints.loading.look_ahead import check_look_ahead, not_bidirectional
from angle_bench.checkpoints.loading.own_mask import OwnMask
from angle_bench.errors import ModelError

Args = tuple[Any, ...]
Given = dict[str, Any]

_REAL = "angle_bench_real"


def make_bidirectional(model: Any, start: int) -> None:
    """Let the layers of a decoder from `start` on attend in both directions, in place.

    Args:
        model: A decoder without its vocabulary head, such as `LlamaModel`, or one whose code came
            with the checkpoint, such as OpenELM's.
        start: The first bidirectional layer, 0 for all.

    Raises:
        ModelError: It has too few layers, or it is not known how they are made to look ahead.
    """
    layers = decoder_layers(model)
    if not 0 <= start < len(layers):
        raise ModelError(
            f"bidirectional_start {start} is beyond the {len(layers)} layers of "
            f"{type(model).__name__}.",
            f"a bidirectional_start from 0 to {len(layers) - 1}",
        )
    own_code = _has_own_code(model)
    for layer in layers[start:]:
        for module in layer.modules():
            if hasattr(module, "is_causal"):  # read by kernels that get no explicit mask
                module.is_causal = False  # type: ignore[assignment]
        if own_code:
            layer.register_forward_pre_hook(OwnMask(model, layer), with_kwargs=True)
    if not own_code:
        _hand_over_masks(model, layers, start)
    check_look_ahead(model, padding=own_code)


def decoder_layers(model: Any) -> list[nn.Module]:
    """The decoder layers of a model, in order.

    Raises:
        ModelError: It has none whose attention can be turned.
    """
    layers = getattr(model, "layers", None)
    own_code = _has_own_code(model)
    if not isinstance(layers, nn.ModuleList) or not all(
        own_code or hasattr(layer, "self_attn") for layer in layers
    ):
        raise not_bidirectional(model, "it has no list of decoder layers with an attention each")
    return list(layers)


def _has_own_code(model: Any) -> bool:
    return not type(model).__module__.startswith("transformers.")


def _hand_over_masks(model: Any, layers: list[nn.Module], start: int) -> None:
    """Give the layers of a decoder of transformers from `start` on a mask that looks ahead."""
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
        hook = causal if number < start else ahead
        layer.register_forward_pre_hook(hook, with_kwargs=True)


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
