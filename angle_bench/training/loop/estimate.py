"""What a recipe would do: rows, first batch, steps, memory and time. Nothing is written."""

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import Access
from angle_bench.checkpoints.folder.config import shape_of
from angle_bench.checkpoints.folder.weights import outside_embeddings
from angle_bench.checkpoints.place import CheckpointPaths
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import ModelError
from angle_bench.evaluation.encoders.load import vector_width
from angle_bench.evaluation.run.forecast import SHARE_OF_PEAK, STARTING_SECONDS
from angle_bench.training.data.dataset import Example, TrainingRows, load_rows, positives
from angle_bench.training.data.order import sampler_of, sharing
from angle_bench.training.data.rows import Format, RowCounts, idle
from angle_bench.training.loop.checkpoint_size import (
    QUANTIZED,
    of_files,
    parameters_of,
    shapes_of,
)
from angle_bench.training.loop.teacher_costs import TeacherCost, teacher_costs
from angle_bench.training.model.weight_names import WeightGroup, chosen, parts_of
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.starting_point import starting_point
from angle_bench.training.recipe.steps import (
    long_warmup,
    refuse_idle_selection,
    refuse_too_few,
    saved_steps,
    steps_of,
)
from angle_bench.training.teachers.teaching import Compared, Teaching, refuse_unlike, teachings

MEASURED = 8  # batches that say how many tokens a batch has
SHOWN = 4  # rows of the first batch that are decoded
DTYPES = {"float32": "float32", "bf16": "bfloat16", "fp16": "float16"}
TABLES = ("shared", "relative_attention_bias")  # embeddings of T5 under names of their own


@dataclass(frozen=True)
class ShownText:
    """A text of the first batch, as the model gets it."""

    text: str
    tokens: int


@dataclass(frozen=True)
class ShownRow:
    """A row of the first batch."""

    row: int
    label: float | None
    texts: Sequence[ShownText]


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


@dataclass(frozen=True)
class Preview:
    """What a recipe would do.

    Attributes:
        spec: The checkpoint that it starts from.
        format: Of the data.
        counts: What became of the rows of each source; None of streamed data.
        rows: That are trained on, None of streamed data.
        sharing: Rows of the first epoch that share a text with another row of their batch, where
            they are to be kept apart.
        positives: Pairs that ibn takes as such, in format A.
        batch: The first rows of the first batch; None where no tokenizer is at hand.
        steps: Of the optimiser.
        tokens: Of a batch with its padding, on average over the first batches.
        trains: What trains, by its modules; None where the weight files do not say.
        trainable: Parameters of these.
        warnings: A line for whoever's length cuts texts of the first batches, and for each setting
            that does nothing.
        teachers: A line for each: who it is, what is compared.
        left_out: Teachers that memory and time are without, each with the reason.
        seconds: About how long it takes on `device`, None where the checkpoint is not here.
        teaching: How much of that is the teachers', where none of their vectors is stored.
    """

    spec: ModelSpec
    format: Format
    counts: Sequence[tuple[str, RowCounts]] | None
    rows: int | None
    sharing: int | None
    positives: int | None
    batch: Sequence[ShownRow] | None
    steps: int
    tokens: int | None
    trains: Sequence[WeightGroup] | None
    trainable: int | None
    memory: Memory | None
    warnings: Sequence[str]
    teachers: Sequence[str]
    left_out: Sequence[str]
    device: str
    seconds: float | None
    teaching: float


def preview(recipe: Recipe, access: Access, device: str = "auto") -> Preview:
    """What a recipe would do.

    Raises:
        AngleBenchError: The checkpoint or the data is not what the recipe needs.
    """
    spec = starting_point(recipe, access)
    if not recipe.select.suite:
        refuse_idle_selection(recipe)
    rows = None if recipe.data.streaming else load_rows(recipe, access.mirror)
    format, examples = _examples(recipe, rows, access.mirror)
    place = _place(spec, access)
    taught = teachings(recipe, spec, access)
    if place is not None:
        _refuse_unlike(taught, spec, place, access)
    chunks = [] if place is None else _chunks(recipe, examples)
    batches = None if place is None else _batches(recipe, spec, place, chunks)
    apart = recipe.train.batch_sampler == "no_duplicates"
    epoch = None if rows is None else len(sampler_of(rows, recipe))
    steps = steps_of(recipe, epoch)
    refuse_too_few(recipe, saved_steps(recipe, epoch))
    tokens = None if batches is None else _mean([_forwarded(batch) for batch, _ in batches])
    parameters = None if place is None else _parameters(recipe, spec, place)
    costs: Sequence[TeacherCost] = []
    kind, seconds, teaching = "", None, 0.0
    if place is not None and parameters is not None and tokens is not None:
        all_batches = steps * recipe.train.accumulation
        places = [_place(each.spec, replace(access, base=None)) for each in taught]
        once = None if rows is None else _batches_of_texts(recipe, rows)
        costs = teacher_costs(taught, places, chunks, tokens, all_batches, once)
        kind, seconds, teaching = _seconds(
            recipe, place, parameters, tokens * all_batches, costs, device
        )
    return Preview(
        spec=spec,
        format=format,
        counts=None if rows is None else rows.counts,
        rows=None if rows is None else len(rows),
        sharing=sharing(rows, recipe) if rows is not None and apart else None,
        positives=None if rows is None else positives(rows),
        batch=None if not batches else _shown(*batches[0]),
        steps=steps,
        tokens=tokens,
        trains=None if parameters is None else parameters[1],
        trainable=None if parameters is None else _count(parameters[1]),
        memory=_memory(recipe, place, parameters, tokens, costs),
        warnings=[
            *idle(format, recipe.loss),
            *filter(None, [long_warmup(recipe, steps)]),
            *_cut(spec, batches or []),
            *(each.cut for each in costs if each.cut),
        ],
        teachers=[each.line for each in taught],
        left_out=[each.left_out for each in costs if each.left_out],
        device=kind,
        seconds=seconds,
        teaching=teaching,
    )


def _forwarded(batch: Any) -> int:
    """Tokens of a batch that go through the model, padding between texts of like lengths too."""
    from angle_bench.training.model.grouping import OVERHEAD, grouped  # brings torch

    groups = grouped(batch["lengths"], OVERHEAD["cpu"])
    sizes = zip(groups.texts, groups.longest, strict=True)
    return sum(len(texts) * longest for texts, longest in sizes)


def _batches_of_texts(recipe: Recipe, rows: TrainingRows) -> int:
    """The batches that the texts of all rows fill, each text once."""
    parts = [counts.parts for _, counts in rows.counts]
    texts = sum(part.texts for each in parts for part in each.values())  # a label has none
    width = len(rows.row(0).texts)
    return -(-texts // (width * recipe.train.batch_size))


def _cut(spec: ModelSpec, batches: Sequence[tuple[Any, Any]]) -> list[str]:
    cut = sum(batch["cut"] for batch, _ in batches)
    texts = sum(len(batch["lengths"]) for batch, _ in batches)
    limit = spec.required_settings().max_length
    return [f"of the first {texts:,} texts {cut:,} are cut to {limit} tokens"] if cut else []


def _mean(counts: Sequence[int]) -> int:
    return round(sum(counts) / len(counts))


def _examples(
    recipe: Recipe, rows: TrainingRows | None, mirror: Path | None
) -> tuple[Format, Iterator[Example]]:
    if rows is not None:
        return rows.format, (rows[index] for index in sampler_of(rows, recipe))
    from angle_bench.training.data.stream import Stream  # brings torch

    stream = Stream(recipe, mirror)
    return stream.format, iter(stream)


def _place(spec: ModelSpec, access: Access) -> CheckpointPaths | None:
    """Where the checkpoint is, None where it would have to be downloaded."""
    folder = spec.folder or hub.cached(spec.name, spec.revision)
    try:
        base = None if spec.base is None else access.base_folder(spec.base, spec.label, folder)
    except ModelError:  # training itself will say it
        return None
    return None if folder is None else CheckpointPaths(folder, base, spec.trust)


def _refuse_unlike(
    taught: Sequence[Teaching], spec: ModelSpec, place: CheckpointPaths, access: Access
) -> None:
    """Refuse teachers of vectors that are here and are unlike the candidate.

    Raises:
        ModelError: One has another tokenizer, or vectors of another length.
    """
    for each in taught:
        theirs = _place(each.spec, replace(access, base=None))
        if each.section.compare == "vectors" and theirs is not None:
            tokens = each.section.tokens == "all"
            refuse_unlike(
                each, _compared(each.spec, theirs, tokens), _compared(spec, place, tokens)
            )


def _compared(spec: ModelSpec, place: CheckpointPaths, tokens: bool) -> Compared:
    """What is compared of a checkpoint that is here: vectors of texts, or of tokens."""
    from angle_bench.checkpoints.loading.tokenizer import load_tokenizer  # brings torch

    plain = spec.required_settings().model_copy(update={"dense": ()})
    width = vector_width(spec.model_copy(update={"settings": plain}) if tokens else spec, place)
    kept = None if tokens else spec.required_settings().truncate_dim
    return Compared(load_tokenizer(place).get_vocab(), min(width, kept or width))


def _chunks(recipe: Recipe, examples: Iterator[Example]) -> list[list[Example]]:
    """The rows of the first batches."""
    size = recipe.train.batch_size
    chunks = (list(itertools.islice(examples, size)) for _ in range(MEASURED))
    return [chunk for chunk in chunks if chunk]


def _batches(
    recipe: Recipe, spec: ModelSpec, place: CheckpointPaths, chunks: Sequence[Sequence[Example]]
) -> list[tuple[Any, Any]]:
    """The first batches, each with the tokenizer that made it."""
    # these bring torch
    from angle_bench.checkpoints.loading.backbone import refuse_gradient_checkpointing
    from angle_bench.checkpoints.loading.tokenizer import load_tokenizer
    from angle_bench.training.data.collate import Collator

    if recipe.model.gradient_checkpointing:
        refuse_gradient_checkpointing(place.whole, place.trust)
    tokenizer = load_tokenizer(place)
    collate = Collator(tokenizer, spec.required_settings(), recipe.prompts, recipe.train.seed)
    return [(collate(chunk), tokenizer) for chunk in chunks]


def _shown(batch: Any, tokenizer: Any) -> list[ShownRow]:
    each = batch["texts_per_row"]
    lengths = batch["attention_mask"].sum(1).tolist()
    found = []
    for number, row in enumerate(batch["row_ids"].tolist()[:SHOWN]):
        texts = [
            ShownText(tokenizer.decode(batch["input_ids"][place][: lengths[place]]), lengths[place])
            for place in range(number * each, (number + 1) * each)
        ]
        label = round(float(batch["labels"][number]), 4) if "labels" in batch else None
        found.append(ShownRow(row, label, texts))
    return found


def _parameters(
    recipe: Recipe, spec: ModelSpec, place: CheckpointPaths
) -> tuple[int, list[WeightGroup]] | None:
    """All parameters, and those that train; None where the weight files do not say.

    Raises:
        UsageError: `model.trainable` or `model.frozen` name nothing, or leave nothing.
    """
    shapes = shapes_of(place.whole)
    if not shapes:
        return None
    whole = parameters_of(shapes)
    if spec.base is not None:
        trained = _whole(sorted(place.folder.glob("adapter_model*.safetensors")))
    elif recipe.lora is not None:
        trained = _adapters(shapes, recipe)
    else:
        trained = parts_of(shapes, chosen(recipe.model, shapes))
    dense = [of_files([place.folder / path / "model.safetensors"]) for path in _dense(spec)]
    trained += [
        WeightGroup(f"dense.{number}", 1, sum(math.prod(shape) for _, shape in each))
        for number, each in enumerate(dense)
    ]
    return whole, trained


def _whole(files: Iterable[Path]) -> list[WeightGroup]:
    shapes = dict(of_files(files))
    return parts_of(shapes, shapes)


def _dense(spec: ModelSpec) -> Sequence[str]:
    return spec.required_settings().dense


def _adapters(shapes: Mapping[str, tuple[int, ...]], recipe: Recipe) -> list[WeightGroup]:
    """Adapters of linear layers, those of one name and size together."""
    assert recipe.lora is not None
    found: Counter[tuple[str, int]] = Counter()
    for name, shape in shapes.items():
        if _adapted(name, shape, recipe):
            layer = name.removesuffix(".weight").rpartition(".")[2]
            found[f"adapter of {layer}", recipe.lora.r * sum(shape)] += 1
    return [WeightGroup(name, count, size) for (name, size), count in found.items()]


def _count(parts: Sequence[WeightGroup]) -> int:
    return sum(part.modules * part.parameters for part in parts)


def _adapted(name: str, shape: tuple[int, ...], recipe: Recipe) -> bool:
    """Whether a weight is of a linear layer that gets an adapter."""
    assert recipe.lora is not None
    module = name.removesuffix(".weight")
    last = module.rpartition(".")[2]
    if len(shape) != 2 or module == name or "embed" in module or "pooler" in name.split("."):
        return False
    return last not in TABLES and (not recipe.lora.targets or last in recipe.lora.targets)


def _memory(
    recipe: Recipe,
    place: CheckpointPaths | None,
    parameters: tuple[int, list[WeightGroup]] | None,
    tokens: int | None,
    costs: Sequence[TeacherCost],
) -> Memory | None:
    shape = None if place is None else shape_of(place.whole)
    if parameters is None or shape is None or tokens is None:
        return None
    whole, trained = parameters[0], _count(parameters[1])
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


def _seconds(
    recipe: Recipe,
    place: CheckpointPaths,
    parameters: tuple[int, list[WeightGroup]],
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

    whole, trained = parameters[0], _count(parameters[1])
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
