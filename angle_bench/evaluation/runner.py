"""Run models on a suite: what is stored is kept, what is missing is computed, failures stand alone.

Nothing heavy is imported until something is missing, so that a repeated command answers at once.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.errors import AngleBenchError, DataError, ModelError, first_line
from angle_bench.evaluation.data import Located, locate, mirror_warning
from angle_bench.evaluation.failure import Failure, record_failure
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.record import model_record, task_record
from angle_bench.models import hub
from angle_bench.models.spec import ModelSpec
from angle_bench.results.folder import Asked, look_up, store
from angle_bench.results.layout import ModelFolder
from angle_bench.results.suites import Suite, Task, mteb_task

if TYPE_CHECKING:
    from angle_bench.encoding.store import Store
    from angle_bench.evaluation.adapter import MtebEncoder
    from angle_bench.evaluation.scoring import Prepared, Scored


@dataclass(frozen=True)
class Options:
    """What a run is asked beside models and suite."""

    root: Path
    mirror: Path | None = None
    device: str = "auto"
    batch_tokens: int | None = None
    store: "Store | None" = None
    overwrite: bool = False
    command: Sequence[str] = ()


@dataclass
class ModelOutcome:
    """What came of one model.

    Attributes:
        kept: Tasks that were stored before.
        scored: Tasks that this run scored.
        failures: Tasks without a score, with the reason.
        seconds: Time spent on this model, loading included.
        texts: Texts that the encoder was asked for; 0 where mteb's own encoder ran.
    """

    spec: ModelSpec
    folder: ModelFolder
    kept: list[str] = field(default_factory=list)
    scored: list[str] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    seconds: float = 0.0
    texts: int = 0

    def summary(self) -> dict[str, Any]:
        """What the record of the command says."""
        return {
            "folder": str(self.folder.path),
            "kept": self.kept,
            "scored": self.scored,
            "failed": {name: failure.what for name, failure in self.failures.items()},
        }


@dataclass(frozen=True)
class _Todo:
    task: Task
    located: Located
    parts: tuple[Task, ...] = ()


def prepare(specs: Sequence[ModelSpec], root: Path) -> list[ModelOutcome]:
    """The outcomes that a run fills, so that an interrupted one still says how far it came."""
    return [
        ModelOutcome(spec, ModelFolder(root, spec.name, spec.revision, spec.settings_id))
        for spec in specs
    ]


def run(
    outcomes: Sequence[ModelOutcome], suite: Suite, options: Options, progress: Progress
) -> None:
    """Evaluate every model on every task of a suite.

    A task that fails is recorded and the others run.

    Args:
        outcomes: The models, from `prepare`; filled in place.
        suite: The tasks.
        options: Where results go, where data is, how it is computed.
        progress: Told what happens.
    """
    if warning := mirror_warning(suite.task, options.mirror):
        progress.warning(warning)
    for outcome in outcomes:
        started = time.monotonic()
        if outcome.spec.note:
            progress.warning(outcome.spec.note)
        todo = _missing(outcome, suite, options, progress)
        if todo:
            _compute(outcome, todo, options, progress)
        outcome.seconds = time.monotonic() - started


def _missing(
    outcome: ModelOutcome, suite: Suite, options: Options, progress: Progress
) -> list[_Todo]:
    """The tasks to compute; aggregates after their parts."""
    todo: dict[str, _Todo] = {}
    settings_digest = model_record(outcome.spec)["settings_digest"]
    for task in suite.task:
        parts = tuple(_part(name) for name in task.parts)
        try:
            places = {each.name: locate(each, options.mirror) for each in parts or (task,)}
        except Exception as error:
            _fail(outcome, task, error, options, progress)
            continue
        if parts:
            places[task.name] = _joined(task, places)
        for each in (*parts, task):
            if each.name in todo:
                continue
            located = places[each.name]
            asked = Asked(located.revision, located.rows, settings_digest)
            found = look_up(outcome.folder, each, asked)
            if found.state == "done" and not options.overwrite:
                if each is task:
                    outcome.kept.append(task.name)
                continue
            if found.reason and not options.overwrite:
                progress.warning(f"{each.name} is computed again: {found.reason}")
            todo[each.name] = _Todo(each, places[each.name], parts if each is task else ())
    return list(todo.values())


def _part(name: str) -> Task:
    task = mteb_task(name)
    if task is None:
        raise ValueError(f"the generated tasks do not hold the part {name}")
    return task


def _joined(task: Task, places: Mapping[str, Located]) -> Located:
    """The data of an aggregate: its own revision, or a digest where a part is local."""
    import hashlib

    if all(located.origin == "hub" for located in places.values()):
        return Located("hub", task.revision)
    text = "\n".join(f"{name} {located.revision}" for name, located in sorted(places.items()))
    return Located("mirror", f"local-{hashlib.sha256(text.encode()).hexdigest()[:16]}")


def _compute(
    outcome: ModelOutcome, todo: Sequence[_Todo], options: Options, progress: Progress
) -> None:
    progress.loading(outcome.spec)
    hub.state()  # decides offline or not before anything reads it
    try:
        encoder = _load(outcome.spec, options, progress)
    except Exception as error:
        for each in todo:
            failure = _noted(outcome, each.task, error, options)
        progress.failed(outcome.spec.label, failure.what, failure.fix)
        return
    try:
        _score_all(outcome, encoder, todo, options, progress)
    finally:
        if hasattr(encoder, "close"):
            encoder.close()
        outcome.texts = encoder.encoder.counts.texts if hasattr(encoder, "encoder") else 0


def _score_all(
    outcome: ModelOutcome,
    encoder: Any,
    todo: Sequence[_Todo],
    options: Options,
    progress: Progress,
) -> None:
    header = outcome.spec.header((each.task.name, each.task.type) for each in todo)
    progress.model(
        f"{header} · {_device(encoder)}", len(todo), _countable_texts(outcome.spec, todo)
    )
    ready: dict[str, Prepared | Exception] = {}
    if outcome.spec.loader == "transformers" and options.store is not None:
        ready = _encode_first(encoder, [each for each in todo if each.task.type == "STS"], progress)
    for number, each in enumerate(todo, start=1):
        ahead = each.task.name in ready or bool(each.parts)
        progress.task(each.task.name, number, 0 if ahead else each.task.texts or 0)
        _score_one(outcome, encoder, each, ready.pop(each.task.name, None), options, progress)
        _tell_warnings(encoder, progress)
    if (counts := _counts(encoder)) and counts["truncated"]:
        limit = outcome.spec.required_settings().max_length
        progress.warning(
            f"{counts['truncated']:,} of {counts['forwarded']:,} texts were cut to {limit} tokens"
        )


def _encode_first(
    encoder: "MtebEncoder", todo: Sequence[_Todo], progress: Progress
) -> "dict[str, Prepared | Exception]":
    """Load the data of several tasks and compute all their texts: each distinct one once.

    A task whose data cannot be loaded, and whatever stops the encoder, is left to the task's turn.
    """
    from angle_bench.evaluation.scoring import prepare

    ready: dict[str, Prepared | Exception] = {}
    texts: dict[str, list[str]] = {}
    for each in todo:
        try:
            prepared = ready[each.task.name] = prepare(each.task, each.located)
        except Exception as error:
            ready[each.task.name] = error
            continue
        template = encoder.template(each.task.name, each.task.type, None)
        texts.setdefault(template, []).extend(prepared.texts())
    unique = sum(len(set(each)) for each in texts.values())
    progress.encoding(unique, sum(map(len, texts.values())))
    done, encoder.done = encoder.done, None
    for template, each_texts in texts.items():
        try:
            encoder.encoder.encode(each_texts, template, done)
        except AngleBenchError as error:
            progress.warning(f"{error.what} The tasks go on one by one.")
    encoder.encoder.counts.texts = 0  # the tasks ask for the same texts again
    return ready


def _tell_warnings(encoder: Any, progress: Progress) -> None:
    if hasattr(encoder, "encoder"):
        for warning in encoder.encoder.warnings():
            progress.warning(warning)


def _device(encoder: Any) -> str:
    if hasattr(encoder, "encoder"):
        return encoder.encoder.device or "stored vectors"
    return str(getattr(encoder, "device", "device of mteb"))


def _counts(encoder: Any) -> dict[str, int]:
    return vars(encoder.encoder.counts) if hasattr(encoder, "encoder") else {}


def _countable_texts(spec: ModelSpec, todo: Sequence[_Todo]) -> int:
    """The texts that the encoder will report, 0 where that is not known beforehand."""
    texts = [each.task.texts for each in todo if not each.parts]
    if spec.loader == "mteb" or None in texts:
        return 0
    return sum(count or 0 for count in texts)


def _load(spec: ModelSpec, options: Options, progress: Progress) -> Any:
    from angle_bench.evaluation.quiet import quieten

    if spec.loader == "transformers" and spec.folder is None:
        # before the bars of other libraries are silenced: a download shows its own
        spec = spec.model_copy(update={"folder": hub.fetch(spec.name, spec.revision)})
    if spec.loader == "mteb":
        quieten()
        return _load_with_mteb(spec, options.device)
    from angle_bench.evaluation.adapter import load_spec, refuse_change

    encoder = load_spec(spec, options.device, options.batch_tokens, options.store)
    encoder.done = progress.texts
    if fresh := not encoder.encoder.known():
        encoder.encoder.begin()  # the workers load while mteb is imported
    quieten()
    from angle_bench.evaluation import scoring  # noqa: F401  its import time is no task's time

    if fresh:
        _ = encoder.encoder.device  # whatever is wrong with the model is said now
        refuse_change(encoder)
    return encoder


def _load_with_mteb(spec: ModelSpec, device: str) -> Any:
    import mteb

    from angle_bench.models.backbone import pick_device

    chosen = str(pick_device(device))
    revision = None if spec.revision == "no_revision_available" else spec.revision
    try:
        return mteb.get_model(spec.name, revision=revision, device=chosen)
    except Exception as error:  # its loaders raise whatever their libraries do
        raise ModelError(
            f"mteb could not load {spec.name}: {first_line(error)}",
            "the same command with a network, or what the message asks for",
        ) from error


def _score_one(
    outcome: ModelOutcome,
    encoder: Any,
    todo: _Todo,
    ready: "Prepared | Exception | None",
    options: Options,
    progress: Progress,
) -> None:
    started = time.monotonic()
    task = todo.task
    if hasattr(encoder, "prompts_used"):
        encoder.prompts_used = {}
    try:
        scored = _combined(outcome, todo) if todo.parts else _scored(encoder, todo, ready, options)
        seconds = time.monotonic() - started
        record = task_record(
            outcome.spec, encoder, _device(encoder), task, todo.located, scored, _counts(encoder)
        )
        store(
            outcome.folder,
            task.name,
            write_result=scored.result.to_disk,
            meta=encoder.mteb_model_meta.to_dict(),
            record={"command": list(options.command), "seconds": round(seconds, 3), **record},
            predictions=scored.predictions,
        )
    except Exception as error:
        _fail(outcome, task, error, options, progress)
        return
    outcome.scored.append(task.name)
    progress.scored(task.name, scored.result.get_score(), seconds)


def _scored(
    encoder: Any, todo: _Todo, ready: "Prepared | Exception | None", options: Options
) -> "Scored":
    from angle_bench.evaluation.adapter import MtebEncoder, refuse_change
    from angle_bench.evaluation.scoring import prepare, score

    if isinstance(ready, Exception):
        raise ready
    scored = score(encoder, ready or prepare(todo.task, todo.located))
    if isinstance(encoder, MtebEncoder):
        refuse_change(encoder)
    if locate(todo.task, options.mirror).revision != todo.located.revision:
        raise DataError(
            f"the data of {todo.task.name} changed while it was being scored.",
            "the same command once nothing writes to the data any more",
        )
    return scored


def _combined(outcome: ModelOutcome, todo: _Todo) -> "Scored":
    """An aggregate task from the stored results of its parts, by mteb's own rule."""
    from angle_bench.evaluation.aggregate import combine

    missing = [part.name for part in todo.parts if part.name in outcome.failures]
    if missing:
        raise DataError(
            f"{todo.task.name} is the mean of its parts, and {', '.join(missing)} has no score.",
            "the same command, once what is said of its parts is mended",
        )
    return combine(outcome.folder, todo.task, todo.located)


def _fail(
    outcome: ModelOutcome, task: Task, error: Exception, options: Options, progress: Progress
) -> None:
    """Record a failure, and tell."""
    failure = _noted(outcome, task, error, options)
    progress.failed(task.name, failure.what, failure.fix)


def _noted(outcome: ModelOutcome, task: Task, error: Exception, options: Options) -> Failure:
    failure = record_failure(outcome.folder, outcome.spec, task.name, error, options.command)
    outcome.failures[task.name] = failure
    return failure
