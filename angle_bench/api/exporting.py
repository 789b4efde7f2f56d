"""A checkpoint in another form."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.arguments import access_of
from angle_bench.api.calling.progress_bars import WarningsOnly, in_python
from angle_bench.api.calling.words import Names, Places, listed, place, public
from angle_bench.api.objects.value import Value
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.errors import UsageError, did_you_mean, fix_said_as, or_list
from angle_bench.extras import needs_all

if TYPE_CHECKING:
    from angle_bench.evaluation.hub_results import HubScore
    from angle_bench.training.checkpoint.export import Form

FORMS: "tuple[Form, ...]" = ("sentence-transformers", "merged", "adapter")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, repr=False)
class Exported(Value):
    """A checkpoint that was written in another form.

    Attributes:
        output: The new folder.
        to: The form.
        model: The name of the checkpoint that it was made of.
        revision: Its commit, or the hash of its files.
        pushed: The address on the hub, where it was uploaded.
    """

    output: Path
    to: str
    model: str
    revision: str
    pushed: str | None = None

    def __fspath__(self) -> str:
        """The folder, for whatever takes a path."""
        return str(self.output)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of `angle-bench export --json`."""
        return {
            "output": str(self.output),
            "to": self.to,
            "model": self.model,
            "pushed": self.pushed,
            "revision": self.revision,
        }

    def to_text(self) -> str:
        """Where it is."""
        return f"saved {self.output}" + (f"  pushed {self.pushed}" if self.pushed else "")


@public
def export(
    model: Places,
    to: str,
    output: Places | None = None,
    *,
    tasks: Names = (),
    results: Places = "results",
    push_to_hub: str | None = None,
    mirror: Places | None = None,
    base: Places | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    pooling: str | int | None = None,
    prompt: str | None = None,
    max_length: int | None = None,
    dtype: str | None = None,
    progress: bool = True,
) -> Exported:
    """Write a checkpoint in another form; its vectors stay the same.

    Args:
        model: A folder or a name.
        to: `sentence-transformers`, `merged` or `adapter`.
        output: The new folder; by default beside the checkpoint, with the form in its name.
        tasks: What would stand after `-t`: the stored scores of these go into the card, and into
            `.eval_results`.
        results: The results folder that has them.
        push_to_hub: `ORG/NAME`: upload it; a new one is private.
        mirror: A folder with models under their hub ids.
        base: The base of an adapter, where the recorded one is elsewhere.
        trust_remote_code: Whether Python files that come with the checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.
        pooling: Used instead of the checkpoint's own, and recorded in the result.
        prompt: Likewise.
        max_length: Likewise.
        dtype: Likewise.
        progress: Whether progress is shown on stderr.

    Returns:
        The folder, which can be passed wherever a path can.

    Raises:
        UsageError: The form cannot express the checkpoint, or the folder is somebody else's.
        ModelError: It cannot be loaded, or the hub did not take it.
        ResultsError: The folder cannot be written.

    Examples:
        >>> export("all-MiniLM-L6-v2", "sentence-transformers", "for-st", progress=False)
        saved for-st
    """
    changes = Overrides(pooling=pooling, prompt=prompt, max_length=max_length, dtype=dtype)
    access = access_of(mirror, base, trust_remote_code, allow_pickle)
    folder = None if output is None else place(output)
    watch = in_python(progress)
    scored = CardScores(tuple(listed(tasks)), place(results))
    return exported(str(model), to, folder, push_to_hub, changes, access, watch, scored)


@dataclass(frozen=True)
class CardScores:
    """Which stored scores a card is to have: those of some tasks; of none by default."""

    tasks: tuple[str, ...] = ()
    results: Path = Path("results")


def exported(
    model: str,
    to: str,
    output: Path | None,
    push_to_hub: str | None,
    changes: Overrides,
    access: LoadOptions,
    progress: WarningsOnly,
    scored: CardScores = CardScores(),
) -> Exported:
    """As `export`, with all that the command line can ask."""
    needs_all("export")
    form = _form(to)
    if push_to_hub is not None and not _HUB_ID.fullmatch(push_to_hub):
        raise UsageError(f"{push_to_hub} is no name on the hub.", "--push-to-hub ORG/NAME")

    from angle_bench.checkpoints.resolve import resolve

    with fix_said_as("-m ", "angle-bench export "):
        spec = resolve(model, changes, access)
    if spec.note:
        progress.warning(spec.note)

    from angle_bench.training.checkpoint.export import export as write
    from angle_bench.training.checkpoint.export import push

    scores = _scores(model, scored, changes, access, progress)
    written = write(spec, form, output or _beside(model, spec.label, form), scores)
    address = None if push_to_hub is None else push(written, push_to_hub)
    return Exported(written, form, spec.name, spec.revision, address)


def _scores(
    model: str, scored: CardScores, changes: Overrides, access: LoadOptions, progress: WarningsOnly
) -> "list[HubScore]":
    """The stored scores of the checkpoint, used as it is.

    Raises:
        UsageError: It is to be used otherwise than it was scored.
        ResultsError: It has no scores.
    """
    if not scored.tasks:
        return []
    if changes != Overrides():
        raise UsageError(
            "stored scores are of the checkpoint as it is, and not of other settings.",
            "angle-bench export without -t, or without the settings",
        )
    from angle_bench.evaluation.hub_results import hub_scores
    from angle_bench.evaluation.scored.scored_models import find_scored
    from angle_bench.results.find.stored_models import stored_models
    from angle_bench.suites.select import select

    suite = select(list(scored.tasks))
    lines: list[str] = []
    stored = stored_models(scored.results, lines)
    found = find_scored([model], stored, access, ",".join(scored.tasks), lines)
    if found.errors:
        raise found.errors[0]
    scores = hub_scores(found.groups[0].models[0], suite.task, lines)
    for line in lines:
        progress.warning(line)
    return scores


def _form(typed: str) -> "Form":
    for form in FORMS:
        if typed == form:
            return form
    near = did_you_mean(typed, FORMS)
    hint = f" Did you mean {or_list(near)}?" if near else ""
    raise UsageError(f"there is no form {typed}.{hint}", f"--to {or_list(list(FORMS))}")


def _beside(path: str, label: str, form: str) -> Path:
    """Beside a folder; of a name, in this one."""
    folder = Path(path).expanduser()
    if folder.is_dir():
        folder = folder.resolve()
        return folder.with_name(f"{folder.name}-{form}")
    return Path(f"{label}-{form}")
