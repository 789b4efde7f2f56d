"""Candidates: recipe, data, objectives, trainer, export."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from angle_bench.training.loss.sentence_transformers_loss import AngleLoss

__all__ = ["AngleLoss"]


def __getattr__(name: str) -> object:
    """`AngleLoss`, which needs torch, once it is asked for."""
    if name == "AngleLoss":
        from angle_bench.training.loss.sentence_transformers_loss import AngleLoss

        return AngleLoss
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
