"""Memory and time of a recipe's steps, estimated."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.config import shape_of
from angle_bench.checkpoints.folder.weights import outside_embeddings
from angle_bench.evaluation.run.forecast import SHARE_OF_PEAK, STARTING_SECONDS
from angle_bench.training.preview.checkpoint_size import QUANTIZED
from angle_bench.training.preview.parameters import Parameters
from angle_bench.training.preview.teacher_costs import TeacherCost
from angle_bench.training.recipe.recipe import Recipe

DTYPES = {"float32": "float32", "bf16": "bfloat16", "fp16": "float16"}


@dataclass(frozen=True)
class Memory:
    """Bytes on one device, estimated.

    Attributes:
        weights: 4 for each parameter, half one or one for those of a quantised base.
        gradients: 4 for each parameter that trains.
        optimizer: 8 for each of these: AdamW's two moments.
        activations: For each token and layer 34 times the width in half precision and twice that
            in float32, by Korthikanti et al. (2022), equation 1, without the attention matrix,
            which sdpa does not keep; with gradient checkpointing the inputs of the layers and one
            layer's.
        teachers: The weights of those that are here; nothing of what they compute is kept.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    teachers: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        kept = self.weights + self.gradients + self.optimizer
        return kept + self.activations + self.teachers


def memory_of(
    recipe: Recipe,
    place: CheckpointPaths | None,
    parameters: Parameters | None,
    tokens: int | None,
    costs: Sequence[TeacherCost],
) -> Memory | None:
    """Bytes on one device; None where the checkpoint's files do not say its shape."""
    shape = None if place is None else shape_of(place.whole)
    if parameters is None or shape is None or tokens is None:
        return None
    whole, trained = parameters.whole, parameters.trainable
    quantized = None if recipe.lora is None else recipe.lora.quantization
    added = 0 if recipe.lora is None else trained
    size = 4 if recipe.train.precision == "float32" else 2
    each = tokens * shape.width * size
    layers = each * shape.layers * 17
    if recipe.model.gradient_checkpointing:
        layers = each * (shape.layers + 17)
    return Memory(
        weights=round(whole * QUANTIZED.get(quantized or "", 4.0)) + 4 * added,
        gradients=4 * trained,
        optimizer=8 * trained,
        activations=layers,
        teachers=sum(each.memory for each in costs),
    )


def seconds_of(
    recipe: Recipe,
    place: CheckpointPaths,
    parameters: Parameters,
    tokens: int,
    costs: Sequence[TeacherCost],
    device: str,
) -> tuple[str, float, float]:
    """The device, about how long it takes, and the teachers' part: operations by measured speeds.

    A token costs 2 operations a parameter outside the embeddings forward, 2 for the gradient of
    what flows on, 2 for the weights' own where these train, and 2 for a second forward pass under
    gradient checkpointing; a teacher's 2.
    """
    from angle_bench.encoding.matrix_speed import flop_per_second  # brings torch

    whole, trained = parameters.whole, parameters.trainable
    own = 2.0 * min(1.0, trained / whole)
    again = 2.0 if recipe.model.gradient_checkpointing else 0.0
    precision = DTYPES[recipe.train.precision]
    work: Counter[str] = Counter()
    for each in costs:
        work[each.dtype or precision] += round(2 * each.inside * each.tokens)
    types = dict.fromkeys([precision, *work])
    speeds = {name: flop_per_second(device, name) for name in types}
    kind = speeds[precision][0]
    share = SHARE_OF_PEAK.get(kind, 1.0)
    mine = (4.0 + own + again) * outside_embeddings(place.whole, whole) * tokens
    seconds = mine / (speeds[precision][1] * share)
    teaching = sum(count / (speeds[name][1] * share) for name, count in work.items())
    return kind, STARTING_SECONDS + seconds + teaching, teaching
