"""What a run would compute, and about how long it would take. Nothing is written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.config import read_config, shape_of
from angle_bench.checkpoints.folder.weights import outside_embeddings, parameters_of
from angle_bench.checkpoints.registry.mteb_requirements import cannot_run, elsewhere
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.checkpoints.variants import varied
from angle_bench.encoding.tokenise import tokenise
from angle_bench.errors import AngleBenchError
from angle_bench.evaluation.encoders.load import vector_width
from angle_bench.evaluation.reader import ReadOptions
from angle_bench.evaluation.reader.select_files import read_rows
from angle_bench.evaluation.run.first_stage import locate_for
from angle_bench.evaluation.run.jobs import Job
from angle_bench.evaluation.run.missing import answer
from angle_bench.evaluation.run.run_options import Options
from angle_bench.evaluation.run.store_room import texts_of_task, too_large
from angle_bench.evaluation.task_data import Located, options_of
from angle_bench.evaluation.user_tasks.fields import unused_columns
from angle_bench.files.places import tasks_folder
from angle_bench.suites.shipped import mteb_task
from angle_bench.suites.task import Task

if TYPE_CHECKING:
    from angle_bench.encoding.half_precision import FasterHalf

# of the speed of a bare matrix product, while all-MiniLM-L6-v2 encodes STS (benchmarks/, peak);
# nobody has measured it for other devices, where the estimate is the least it can take
SHARE_OF_PEAK = {"cpu": 0.75}
STARTING_SECONDS = 10.0  # imports and loading
CHARACTERS_PER_TOKEN = 4.0  # of English, where no tokenizer is at hand
SAMPLE = 300  # texts that say how many characters a token has

State = Literal["stored", "to do", "no data"]


@dataclass(frozen=True)
class TaskForecast:
    """One task of one model.

    Attributes:
        state: Whether a stored score answers, whether there is data.
        why: Why there is none.
        texts: To be encoded, if known; a text that occurs twice is counted twice.
        tokens: Of these texts, cut to the model's length.
        skipped: The bad rows of the user's files that are left out, in words.
        unused_columns: The columns of these files that nothing is read of.
    """

    name: str
    type: str
    state: State
    why: str = ""
    texts: int | None = None
    tokens: int | None = None
    skipped: Sequence[str] = ()
    unused_columns: Sequence[str] = ()


@dataclass(frozen=True)
class JobForecast:
    """One model.

    Attributes:
        label: The model, with the layers, sizes and precisions that are asked for.
        tasks: Its tasks.
        device: What the time is meant for; a server computes in a time that nobody knows.
        seconds: About how long it takes; None where the model or a size is not known.
        too_large: What is said where the vectors do not fit the store; None where they do, or
            nobody knows.
        faster: A dtype that would be faster on this processor, if one would.
        refused: Why nothing of it can be computed here; None where it can.
        instead: What to type then.
    """

    label: str
    tasks: Sequence[TaskForecast]
    device: str
    seconds: float | None
    too_large: str | None = None
    faster: "FasterHalf | None" = None
    refused: str | None = None
    instead: str | None = None

    @property
    def todo(self) -> list[TaskForecast]:
        """The tasks that would be computed."""
        return [task for task in self.tasks if task.state == "to do"]

    @property
    def tokens(self) -> int | None:
        """Of all tasks that would be computed, if known."""
        counts = [task.tokens for task in self.todo]
        return None if None in counts else sum(count or 0 for count in counts)


def forecast(jobs: Sequence[Job], options: Options) -> list[JobForecast]:
    """What a run of these jobs would compute.

    Args:
        jobs: The models with their tasks.
        options: As for the run.
    """
    return [_job(job, options) for job in jobs]


def _job(job: Job, options: Options) -> JobForecast:
    spec = job.variants[0].spec
    place = _place(spec)
    tokenizer = _tokenizer(place)
    tasks = [_task(job, task, options, spec, tokenizer) for task in _with_parts(job)]
    label = spec.variant_label
    if len(job.variants) > 1:
        label = " · ".join([spec.label, *varied([each.spec for each in job.variants])])
    made = JobForecast(label, tasks, "" if spec.endpoint is None else spec.endpoint.url, None)
    if not made.todo:
        return JobForecast(label, tasks, "", 0.0)
    if spec.loader == "mteb" and (why := cannot_run(spec.name)) is not None:
        return replace(made, refused=why, instead=elsewhere(spec.name, _names(made.todo)))
    width = _width(spec, place)
    if width is not None:
        counts = [task.texts for task in made.todo]
        said = too_large(spec.label, counts, width, options.store_options)
        made = replace(made, too_large=said)
    work = None if place is None else _operations_per_token(place)
    if made.tokens is None or work is None or spec.settings is None:
        return made
    from angle_bench.encoding.matrix_speed import flop_per_second  # brings torch

    kind, speed = flop_per_second(options.computing.device, spec.settings.dtype)
    seconds = STARTING_SECONDS + made.tokens * work / (speed * SHARE_OF_PEAK.get(kind, 1.0))
    return replace(made, device=kind, seconds=seconds, faster=_faster(kind, spec, place))


def _faster(device: str, spec: ModelSpec, place: CheckpointPaths | None) -> "FasterHalf | None":
    shape = None if place is None else shape_of(place.whole)
    if device != "cpu" or shape is None or spec.required_settings().dtype != "float32":
        return None
    from angle_bench.encoding.half_precision import faster_half

    return faster_half(shape.width)


def _width(spec: ModelSpec, place: CheckpointPaths | None) -> int | None:
    """The length of a stored vector, where it is known before the model is loaded."""
    if spec.endpoint is not None:
        return spec.endpoint.size
    return None if place is None or spec.settings is None else vector_width(spec, place)


def _names(tasks: Sequence[TaskForecast]) -> list[str]:
    return [task.name for task in tasks if mteb_task(task.name) is not None]


def _with_parts(job: Job) -> Iterator[Task]:
    for task in job.suite.task:
        for name in task.parts:
            if (part := mteb_task(name)) is not None:
                yield part
        if not task.parts:
            yield task


def _task(job: Job, task: Task, options: Options, spec: ModelSpec, tokenizer: Any) -> TaskForecast:
    try:
        located = locate_for(spec, task, options)
        answers = [answer(outcome, task, located) for outcome in job.variants]
    except AngleBenchError as error:
        return TaskForecast(task.name, task.type, "no data", error.what)
    found = TaskForecast(
        task.name,
        task.type,
        "stored",
        texts=task.texts,
        skipped=[line for read in located.read.values() for line in read.skipped],
        unused_columns=unused_columns(task, located),
    )
    if not options.overwrite and all(each.state == "done" for each in answers):
        return found
    task = _counted(task, located)
    texts = task.texts_of(options.limit)
    tokens = _tokens(task, texts, located, spec, tokenizer)
    return replace(found, state="to do", texts=texts, tokens=tokens)


def _counted(task: Task, located: Located) -> Task:
    """A user's pairs, and local documents and queries, with their count: no catalogue has it."""
    if task.texts is None and (found := texts_of_task(task, located)):
        return task.model_copy(update={"samples": found})
    if not task.path or task.type not in ("STS", "PairClassification"):
        return task
    rows = sum(read.rows for read in located.read.values())
    return task.model_copy(update={"samples": rows})


def _tokens(
    task: Task, texts: int | None, located: Located, spec: ModelSpec, tokenizer: Any
) -> int | None:
    """The tokens of a task: counted on a sample of its texts, else from its characters."""
    if not texts or not task.texts:
        return None
    longest = 512 if spec.settings is None else spec.settings.max_length
    sample = list(_some_texts(located.files.values(), options_of(task)))
    own = bool(sample)
    if tokenizer is None:
        per_token = CHARACTERS_PER_TOKEN
    else:
        sample = sample or list(_some_texts([tasks_folder() / "demo" / "test.jsonl"]))
        tokens = int(tokenise(tokenizer, sample, longest, 0).lengths.sum())
        if own:
            return round(texts * tokens / len(sample))
        per_token = sum(map(len, sample)) / tokens
    if task.characters is None:
        return None
    return texts * min(longest, round(task.characters / task.texts / per_token) + 2)


def _some_texts(files: Iterable[Path], options: ReadOptions | None = None) -> Iterator[str]:
    """Texts from the head of each file, whatever their columns are called."""
    for place in files:
        for number, row in enumerate(read_rows(place, options)):
            if number == SAMPLE:
                break
            yield from (value for value in row.values() if isinstance(value, str) and value)


def _place(spec: ModelSpec) -> CheckpointPaths | None:
    """Where a checkpoint is, None where it would have to be downloaded or is not ours to load."""
    if spec.loader != "transformers":
        return None
    folder = spec.folder or hub.cached(spec.name, spec.revision)
    try:
        base = (
            None if spec.base is None else LoadOptions().base_folder(spec.base, spec.label, folder)
        )
    except AngleBenchError:  # the run itself will say it
        return None
    return None if folder is None else CheckpointPaths(folder, base, spec.trust)


def _tokenizer(place: CheckpointPaths | None) -> Any:
    if place is None:
        return None
    from angle_bench.checkpoints.loading.tokenizer import load_tokenizer

    return load_tokenizer(place)


def _operations_per_token(place: CheckpointPaths) -> float | None:
    """Twice the parameters outside the embeddings: a multiplication and an addition for each."""
    vocabulary = read_config(place.whole).get("vocab_size")
    parameters = parameters_of(place.whole)
    if shape_of(place.whole) is None or not isinstance(vocabulary, int) or not parameters:
        return None
    return 2.0 * outside_embeddings(place.whole, parameters)
