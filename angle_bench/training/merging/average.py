"""The weighted average of checkpoints, tensor by tensor in float32 (model soups).

Wortsman et al., "Model soups" (ICML 2022): checkpoints that were trained from one start.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.loading.backbone import DTYPES, Backbone, load_backbone
from angle_bench.checkpoints.loading.dense import load_dense
from angle_bench.checkpoints.spec import Settings
from angle_bench.errors import ModelError, some

# keys of a config that change no vector
NO_MATTER = {
    "_name_or_path",
    "architectures",
    "dtype",
    "id2label",
    "initializer_range",
    "label2id",
    "problem_type",
    "torch_dtype",
    "transformers_version",
    "use_cache",
}
FIX = "the average of checkpoints that were trained from one start"


@dataclass(frozen=True)
class AveragedPart:
    """A checkpoint of an average.

    Attributes:
        label: What messages call it.
        place: Where it is.
        share: How much of the average it is; the shares of all are 1 together.
    """

    label: str
    place: CheckpointPaths
    share: float


def averaged(parts: Sequence[AveragedPart], settings: Settings) -> Backbone:
    """Whole checkpoints as one, in the dtype of the settings; two are in memory at a time.

    Args:
        parts: Of one architecture.
        settings: Of all of them.

    Raises:
        ModelError: Their tensors, configs or tokenizers are unlike, or one cannot be loaded.
    """
    used = settings.model_copy(
        # the layers that look ahead are no part of the weights
        update={"dtype": "float32", "bidirectional_start": None, "compile": False, "dense": ()}
    )
    first = _loaded(parts[0], used)
    total = Average(parts[0].label, first.model.state_dict(), parts[0].share)
    for part in parts[1:]:
        other = _loaded(part, used)
        _refuse_unlike_configs(parts[0].label, first.model, part.label, other.model)
        refuse_unlike_tokenizers(parts[0].label, first.tokenizer, part.label, other.tokenizer)
        total.add(part.label, other.model.state_dict(), part.share)
        del other
    first.model.load_state_dict(total.tensors)
    first.model.to(DTYPES[settings.dtype])
    return Backbone(first.model, first.tokenizer, first.device, averaged_dense(parts, settings))


def averaged_dense(parts: Sequence[AveragedPart], settings: Settings) -> tuple[nn.Module, ...]:
    """The Dense modules of checkpoints as one each.

    Raises:
        ModelError: Their tensors are unlike.
    """
    found = []
    for path in settings.dense:
        modules = [load_dense(part.place.folder, path) for part in parts]
        names = [f"{path} of {part.label}" for part in parts]
        total = Average(names[0], modules[0].state_dict(), parts[0].share)
        for name, module, part in zip(names[1:], modules[1:], parts[1:], strict=True):
            if str(module) != str(modules[0]):
                raise ModelError(f"{names[0]} is {modules[0]}, {name} is {module}.", FIX)
            total.add(name, module.state_dict(), part.share)
        modules[0].load_state_dict(total.tensors)
        found.append(modules[0])
    return tuple(found)


class Average:
    """A weighted sum of tensors by name.

    Args:
        label: What messages call those that it begins with.
        tensors: These; they are not changed.
        share: Their weight.

    >>> total = Average("a", {"w": torch.tensor([1.0])}, 0.25)
    >>> total.add("b", {"w": torch.tensor([5.0])}, 0.75)
    >>> total.tensors
    {'w': tensor([4.])}
    """

    def __init__(self, label: str, tensors: Mapping[str, Tensor], share: float) -> None:
        self._label = label
        self.tensors = {name: _weighted(each, share) for name, each in tensors.items()}

    def add(self, label: str, tensors: Mapping[str, Tensor], share: float) -> None:
        """Add those of another checkpoint.

        Raises:
            ModelError: It has others, of another shape, or whole numbers that differ.
        """
        self._refuse_others(label, tensors)
        for name, mine in self.tensors.items():
            its = tensors[name]
            if its.shape != mine.shape:
                raise ModelError(
                    f"{name} is {tuple(mine.shape)} in {self._label}, {tuple(its.shape)} in "
                    f"{label}.",
                    FIX,
                )
            if mine.is_floating_point() != its.is_floating_point():
                raise ModelError(
                    f"{name} is {mine.dtype} in {self._label}, {its.dtype} in {label}.", FIX
                )
            if mine.is_floating_point():
                mine += _weighted(its, share)
            elif not torch.equal(mine, its):
                raise ModelError(
                    f"{name} holds whole numbers, which have no average, and differs between "
                    f"{self._label} and {label}.",
                    FIX,
                )

    def _refuse_others(self, label: str, tensors: Mapping[str, Tensor]) -> None:
        sides = (
            (self._label, self.tensors, label, tensors),
            (label, tensors, self._label, self.tensors),
        )
        for has, mine, lacks, its in sides:
            if more := sorted(set(mine) - set(its)):
                raise ModelError(f"{has} has the weights {some(more)}, which {lacks} lacks.", FIX)


def _weighted(tensor: Tensor, share: float) -> Tensor:
    return tensor.detach().float() * share if tensor.is_floating_point() else tensor.clone()


def _loaded(part: AveragedPart, settings: Settings) -> Backbone:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # a pooler that a folder lacks, and nothing reads, is drawn
        return load_backbone(part.place, settings, torch.device("cpu"))


def _refuse_unlike_configs(label: str, mine: Any, other: str, its: Any) -> None:
    one, two = (_that_matters(model.config.to_dict()) for model in (mine, its))
    refuse_difference(label, one, other, two, "config.json")


def refuse_difference(
    label: str, mine: Mapping[str, Any], other: str, its: Mapping[str, Any], file: str
) -> None:
    """Refuse the first key in which two configs differ.

    Raises:
        ModelError: The configs differ.
    """
    for key in sorted({*mine, *its}):
        if mine.get(key) != its.get(key):
            raise ModelError(
                f"{key} of {file} is {mine.get(key)!r} in {label}, {its.get(key)!r} in {other}.",
                FIX,
            )


def _that_matters(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in config.items()
        if key not in NO_MATTER and not key.startswith("_attn") and "dropout" not in key
    }


def refuse_unlike_tokenizers(label: str, mine: Any, other: str, its: Any) -> None:
    """Refuse tokenizers that cut texts otherwise.

    Raises:
        ModelError: They have other words or other rules.
    """
    if mine.get_vocab() != its.get_vocab() or _rules(mine) != _rules(its):
        raise ModelError(f"{label} and {other} have different tokenizers.", FIX)


def _rules(tokenizer: Any) -> dict[str, Any]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return {}
    rules: dict[str, Any] = json.loads(backend.to_str())
    return {key: rules.get(key) for key in ("normalizer", "pre_tokenizer", "post_processor")}
