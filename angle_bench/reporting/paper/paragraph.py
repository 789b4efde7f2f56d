"""A paragraph that says how scores were measured, to be pasted into a paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from angle_bench.reporting.paper.measured import MeasuredModel, MeasuredWay, merged
from angle_bench.reporting.paper.tex_text import escape
from angle_bench.reporting.tables.signature import NO_COMMIT
from angle_bench.suites import averages, citations
from angle_bench.suites.task import Suite, Task

Markup = Literal["latex", "markdown"]
MOST_PROMPTS = 3  # that are quoted; beyond, one is, as an example
_LOCAL = {
    "equal": "from local files with as many samples and characters as mteb counts",
    "differs": "from local files whose samples or characters differ from those that mteb counts",
    "no reference": "from local files that mteb has no counts of",
    "package": "from files that come with angle-bench",
    "file": "from files of our own",
}


@dataclass(frozen=True)
class Cited:
    """A text, and the keys of what it cites.

    Attributes:
        verbatim: Whether it is quoted letter by letter.
    """

    text: str
    keys: tuple[str, ...] = ()
    verbatim: bool = False


@dataclass(frozen=True)
class MeasuredGroup:
    """One checkpoint, or the seeds of a recipe, under a label."""

    label: str
    models: tuple[MeasuredModel, ...]


def paragraph(suite: Suite, groups: Sequence[MeasuredGroup]) -> list[Cited]:
    """The sentences: what was measured, each model, software, data."""
    models = [model for group in groups for model in group.models]
    parts = [*_tasks(suite), Cited(" ")]
    for group in groups:
        parts += [*_group(group), Cited(" ")]
    parts += [*_software(models), Cited(" "), *_data(models)]
    return parts


def keys(parts: Sequence[Cited]) -> list[str]:
    """Everything that is cited, each once."""
    return list(dict.fromkeys(key for part in parts for key in part.keys))


def written(parts: Sequence[Cited], markup: Markup) -> str:
    r"""The text, with `\citep{…}` or `[@…]` behind what is cited."""
    return "".join(_latex(part) if markup == "latex" else _markdown(part) for part in parts)


def _latex(part: Cited) -> str:
    text = escape(part.text)
    shown = rf"\texttt{{{text}}}" if part.verbatim else text
    return shown + (rf"~\citep{{{','.join(part.keys)}}}" if part.keys else "")


def _markdown(part: Cited) -> str:
    shown = f"`{part.text}`" if part.verbatim else part.text
    return shown + (f" [{'; '.join(f'@{key}' for key in part.keys)}]" if part.keys else "")


def _tasks(suite: Suite) -> list[Cited]:
    tasks = [suite.task[at] for at in averages.counted(suite)]
    types = averages.types(suite)
    metrics = dict.fromkeys(task.metric for task in tasks)
    measure = f"main scores ({', '.join(metrics)}) times 100"
    if len(tasks) == 1:
        return [Cited("We report "), Cited(f"the {measure} of "), *_named(tasks), Cited(".")]
    over = "the mean over tasks" if suite.average == "tasks" else "the mean over task types"
    parts = [
        Cited("We report "),
        Cited(f"{measure} and {over} of "),
        Cited(f"{suite.title} (version {suite.version})", citations.of_suite(suite)),
        Cited(f", {len(tasks)} tasks: "),
    ]
    for at, kind in enumerate(types):
        of_kind = [task for task in tasks if task.type == kind]
        parts.append(Cited(f"{'; ' if at else ''}{kind}: " if len(types) > 1 else ""))
        parts += _named(of_kind)
    return [*parts, Cited(".")]


def _named(tasks: Sequence[Task]) -> list[Cited]:
    """Tasks with what they cite; what several in a row cite stands once, behind the last."""
    parts = []
    for at, task in enumerate(tasks):
        cited = citations.of_task(task.name)
        following = citations.of_task(tasks[at + 1].name) if at + 1 < len(tasks) else ()
        parts.append(Cited(task.name, () if cited == following else cited))
        parts.append(Cited("" if at + 1 == len(tasks) else ", "))
    return parts


def _group(group: MeasuredGroup) -> list[Cited]:
    first = group.models[0]
    if len(group.models) == 1:
        revision = _revision(first)
        named = f"{group.label} is " if group.label != first.name else ""
        parts = [Cited(f"{named}{first.name}", citations.of_model(first.name)), *revision]
    else:
        parts = [Cited(f"{group.label} is the mean over {len(group.models)} seeds of one recipe (")]
        for at, model in enumerate(group.models):
            parts += [Cited("; " if at else ""), Cited(model.name), *_revision(model)]
        parts.append(Cited(")"))
    parts += _used(group.models)
    if first.base:
        parts.append(Cited(f", an adapter of {first.base}", citations.of_model(first.base)))
    if chosen := dict.fromkeys(s for model in group.models for s in model.selected_on_test):
        parts.append(Cited(f"; the checkpoint was selected on {', '.join(chosen)}"))
    if missing := dict.fromkeys(task for model in group.models for task in model.missing):
        parts.append(Cited(f"; not measured: {', '.join(missing)}"))
    return [*parts, Cited(".")]


def _revision(model: MeasuredModel) -> list[Cited]:
    parts: list[Cited] = []
    for revision in model.revisions:
        if revision in NO_COMMIT:
            also = "some of whose scores" if len(model.revisions) > 1 else "whose scores"
            parts.append(Cited(f", {also} {NO_COMMIT[revision][1]}"))
        else:
            what = "content" if revision.startswith("sha256-") else "revision"
            parts += [Cited(f", {what} "), Cited(revision, verbatim=True)]
    return parts


def _used(models: Sequence[MeasuredModel]) -> list[Cited]:
    """How it is used; where that differs between tasks, on which."""
    ways = merged(way for model in models for way in model.ways)
    if len(ways) == 1:
        return [Cited(", "), *_way(ways[0])]
    settings = {repr(way.settings) for way in ways}
    if len(settings) == 1 and len(ways) > MOST_PROMPTS:
        example = next((way for way in ways if isinstance(way.prompts, Mapping)), ways[0])
        said = f"a prompt of each task's own, such as for {example.tasks[0]} "
        return [
            Cited(f", {_settings(ways[0])}, with {said}"),
            *_prompts(example),
        ]
    parts: list[Cited] = []
    for at, way in enumerate(ways):
        parts += [Cited(f"{'; ' if at else ', '}on {', '.join(way.tasks)} "), *_way(way)]
    return parts


def _way(way: MeasuredWay) -> list[Cited]:
    said = _settings(way)
    return [Cited(f"{said}, "), *_prompts(way)]


def _settings(way: MeasuredWay) -> str:
    settings = way.settings
    if settings is None:
        if way.loader == "endpoint":
            return "computed by an OpenAI-compatible server with settings of its own"
        if way.loader:
            return f"loaded by {way.loader} with settings of its own"
        return "with settings that are not recorded"
    said = [
        f"{settings['pooling']} pooling",
        "normalised vectors" if settings.get("normalize") else "vectors not normalised",
        f"at most {settings['max_length']} tokens",
        str(settings["dtype"]),
    ]
    layer, size = settings.get("layer"), settings.get("size")
    said += [f"layer {layer}"] if layer is not None else []
    said += [f"the first {size} dimensions"] if size is not None else []
    if precision := settings.get("precision"):
        said.append(f"vectors quantised to {precision}")
    if (start := settings.get("bidirectional_start")) is not None:
        said.append(f"bidirectional attention from layer {start}")
    said += [f"{quantized} weights"] if (quantized := settings.get("quantization")) else []
    if settings.get("attention", "auto") != "auto":
        said.append(f"{settings['attention']} attention")
    return ", ".join(said)


def _prompts(way: MeasuredWay) -> list[Cited]:
    prompts = way.prompts
    if prompts is None:
        return [Cited("prompts not recorded")]
    if isinstance(prompts, str):
        return [Cited(f"prompts of {prompts}")]
    given = {role: template for role, template in prompts.items() if template}
    if not given:
        return [Cited("no prompt")]
    if len(set(given.values())) == 1 and len(given) == len(prompts):
        return [Cited("the prompt "), Cited(next(iter(given.values())), verbatim=True)]
    parts: list[Cited] = []
    for at, (role, template) in enumerate(given.items()):
        parts += [Cited(f"{' and ' if at else ''}for {role} the prompt ")]
        parts.append(Cited(template, verbatim=True))
    return parts


def _software(models: Sequence[MeasuredModel]) -> list[Cited]:
    versions: dict[str, dict[str, None]] = {}
    for model in models:
        for name, known in model.versions.items():
            versions.setdefault(name, {}).update(dict.fromkeys(known))
    said = {name: f"{name} {' and '.join(known)}" for name, known in versions.items()}
    parts = [Cited("Scores are by ")]
    if "angle-bench" in said:
        parts.append(Cited(f"{said.pop('angle-bench')} with "))
    mteb = said.pop("mteb", "mteb, of a version that is not recorded")
    parts.append(Cited(mteb, citations.of_mteb()))
    devices = list(dict.fromkeys(device for model in models for device in model.devices))
    where = f" on {' and '.join(devices)}" if devices else ""
    if said:
        parts.append(Cited(f"; vectors were computed{where} with {', '.join(said.values())}"))
    elif where:
        parts.append(Cited(f"; vectors were computed{where}"))
    return [*parts, Cited(".")]


def _data(models: Sequence[MeasuredModel]) -> list[Cited]:
    """Where the data came from; hub data alone is what mteb names."""
    by_kind: dict[str, dict[str, None]] = {}
    for model in models:
        for task, kind in model.data.items():
            by_kind.setdefault(kind, {})[task] = None
    every = {task for tasks in by_kind.values() for task in tasks}
    said = []
    for kind, tasks in by_kind.items():
        source = _LOCAL.get(kind, "from the Hugging Face hub")
        which = "" if set(tasks) == every and len(by_kind) == 1 else f" ({', '.join(tasks)})"
        said.append(f"{source}{which}")
    return [Cited(f"Data is {'; '.join(said)}.")]
