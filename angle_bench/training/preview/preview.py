"""What a recipe would do: rows, first batch, steps, memory and time. Nothing is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import ModelError
from angle_bench.evaluation.encoders.load import vector_width
from angle_bench.training.data.columns import Format
from angle_bench.training.data.dataset import Example, TrainingRows, load_rows, positives
from angle_bench.training.data.order import sampler_of, sharing
from angle_bench.training.data.rows import RowCounts, idle
from angle_bench.training.model.weight_names import WeightGroup
from angle_bench.training.preview.first_batches import (
    ShownRow,
    collated,
    first_rows,
    lines_of_cut,
    mean_tokens,
    shown_rows,
)
from angle_bench.training.preview.parameters import count_parameters
from angle_bench.training.preview.step_costs import Memory, memory_of, seconds_of
from angle_bench.training.preview.teacher_costs import TeacherCost, teacher_costs
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


def preview(recipe: Recipe, access: LoadOptions, device: str = "auto") -> Preview:
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
    chunks = [] if place is None else first_rows(recipe, examples)
    batches = None if place is None else collated(recipe, spec, place, chunks)
    apart = recipe.train.batch_sampler == "no_duplicates"
    epoch = None if rows is None else len(sampler_of(rows, recipe))
    steps = steps_of(recipe, epoch)
    refuse_too_few(recipe, saved_steps(recipe, epoch))
    tokens = None if batches is None else mean_tokens(batches)
    parameters = None if place is None else count_parameters(recipe, spec, place)
    costs: Sequence[TeacherCost] = []
    kind, seconds, teaching = "", None, 0.0
    if place is not None and parameters is not None and tokens is not None:
        all_batches = steps * recipe.train.accumulation
        places = [_place(each.spec, replace(access, base=None)) for each in taught]
        once = None if rows is None else _batches_of_texts(recipe, rows)
        costs = teacher_costs(taught, places, chunks, tokens, all_batches, once)
        kind, seconds, teaching = seconds_of(
            recipe, place, parameters, tokens * all_batches, costs, device
        )
    return Preview(
        spec=spec,
        format=format,
        counts=None if rows is None else rows.counts,
        rows=None if rows is None else len(rows),
        sharing=sharing(rows, recipe) if rows is not None and apart else None,
        positives=None if rows is None else positives(rows),
        batch=None if not batches else shown_rows(*batches[0]),
        steps=steps,
        tokens=tokens,
        trains=None if parameters is None else parameters.trains,
        trainable=None if parameters is None else parameters.trainable,
        memory=memory_of(recipe, place, parameters, tokens, costs),
        warnings=[
            *idle(format, recipe.loss),
            *filter(None, [long_warmup(recipe, steps)]),
            *lines_of_cut(spec, batches or []),
            *(each.cut for each in costs if each.cut),
        ],
        teachers=[each.line for each in taught],
        left_out=[each.left_out for each in costs if each.left_out],
        device=kind,
        seconds=seconds,
        teaching=teaching,
    )


def _examples(
    recipe: Recipe, rows: TrainingRows | None, mirror: Path | None
) -> tuple[Format, Iterator[Example]]:
    if rows is not None:
        return rows.format, (rows[index] for index in sampler_of(rows, recipe))
    from angle_bench.training.data.stream import Stream  # brings torch

    stream = Stream(recipe, mirror)
    return stream.format, iter(stream)


def _place(spec: ModelSpec, access: LoadOptions) -> CheckpointPaths | None:
    """Where the checkpoint is, None where it would have to be downloaded."""
    folder = spec.folder or hub.cached(spec.name, spec.revision)
    try:
        base = None if spec.base is None else access.base_folder(spec.base, spec.label, folder)
    except ModelError:  # training itself will say it
        return None
    return None if folder is None else CheckpointPaths(folder, base, spec.trust)


def _refuse_unlike(
    taught: Sequence[Teaching], spec: ModelSpec, place: CheckpointPaths, access: LoadOptions
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


def _batches_of_texts(recipe: Recipe, rows: TrainingRows) -> int:
    """The batches that the texts of all rows fill, each text once."""
    parts = [counts.parts for _, counts in rows.counts]
    texts = sum(part.texts for each in parts for part in each.values())  # a label has none
    width = len(rows.row(0).texts)
    return -(-texts // (width * recipe.train.batch_size))
