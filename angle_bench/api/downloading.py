"""Models and data for a machine without a network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.arguments import access_of
from angle_bench.api.calling.progress_bars import WarningsOnly, in_python
from angle_bench.api.calling.words import Names, Places, listed, place, public, warn
from angle_bench.api.objects.value import Value
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.errors import AngleBenchError, UsageError
from angle_bench.extras import needs_all

if TYPE_CHECKING:
    from angle_bench.suites.task import Task


@dataclass(frozen=True, repr=False)
class Downloaded(Value):
    """What was brought.

    Attributes:
        done: A line for each model, base and task: where it is now.
        failures: Why others could not be brought, by the name of the model or task.
    """

    done: tuple[str, ...]
    failures: Mapping[str, AngleBenchError]

    @property
    def exit_code(self) -> int:
        """What the command ends with: 1 where something could not be brought."""
        return 1 if self.failures else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench download --json`."""
        errors = {name: why.what for name, why in self.failures.items()}
        return {"done": list(self.done), "errors": errors}

    def to_text(self) -> str:
        """A line for each thing."""
        errors = [f"error: {name}: {why}" for name, why in self.failures.items()]
        return "\n".join([*self.done, *errors])


@public
def download(
    models: Names = (),
    tasks: Names = (),
    *,
    to: Places | None = None,
    mirror: Places | None = None,
    base: Places | None = None,
    allow_pickle: bool = False,
    from_senteval: Places | None = None,
) -> Downloaded:
    """Bring models (an adapter's base too) and data into the hub's cache, or into a folder.

    Args:
        models: What would stand after `-m`, one or several.
        tasks: What would stand after `-t`: suites, tasks or MTEB benchmarks.
        to: A folder for `mirror=`, not the hub's cache.
        mirror: A folder with models and data under their hub ids.
        base: The base of an adapter, where the recorded one is elsewhere.
        allow_pickle: Whether weights may be brought that are no safetensors.
        from_senteval: SentEval's data folder, which is written into the folder `to`; without
            tasks all that it has.

    Returns:
        What was brought; what could not be is in `failures`, and warned of.

    Raises:
        UsageError: Nothing is named, or a name is unknown.

    Examples:
        >>> download(tasks="demo")
        AngleBenchDemo  comes with angle-bench
    """
    access = access_of(mirror, base, False, allow_pickle)
    folder = None if to is None else place(to)
    senteval = None if from_senteval is None else place(from_senteval)
    found = downloaded(listed(models), listed(tasks), folder, access, in_python(True), senteval)
    warn(f"{name}: {why.what}" for name, why in found.failures.items())
    return found


def downloaded(
    models: Sequence[str],
    tasks: Sequence[str],
    to: Path | None,
    access: LoadOptions,
    progress: WarningsOnly,
    senteval: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Downloaded:
    """As `download`, with all that the command line can ask; `say` is told each line at once."""
    needs_all("download")
    _check(models or tasks or senteval, to, senteval)

    from angle_bench.checkpoints.resolve import resolve
    from angle_bench.evaluation.download import download_data, download_model
    from angle_bench.evaluation.senteval.senteval_mirror import tasks_of
    from angle_bench.suites.select import select

    chosen: Sequence[Task] = select(tasks).task if tasks else ()
    specs = {name: resolve(name, None, replace(access, files_only=True)) for name in models}
    for note in dict.fromkeys(spec.note for spec in specs.values() if spec.note):
        progress.warning(note)
    done: list[str] = []

    def tell(line: str) -> None:
        done.append(line)
        say(line)

    failed: dict[str, AngleBenchError] = {}
    for name, spec in specs.items():
        try:
            download_model(spec, to, tell)
        except AngleBenchError as error:
            failed[name] = error
    if senteval is not None and not tasks:
        chosen = tasks_of(senteval, tell)
    if chosen:
        failed |= download_data(chosen, to, tell, senteval)
    return Downloaded(tuple(done), failed)


def _check(named: object, to: Path | None, senteval: Path | None) -> None:
    if not named:
        raise UsageError("nothing is named.", "-m UAE-Large-V1, or -t STS")
    if to is not None and to.exists() and not to.is_dir():
        raise UsageError(f"{to} is a file, not a folder.", "--to DIR")
    if senteval is None:
        return
    if to is None:
        raise UsageError("SentEval's data is written into a folder, and none is named.", "--to DIR")

    from angle_bench.evaluation.senteval.senteval_mirror import check_folder

    check_folder(senteval)
