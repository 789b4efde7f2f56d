"""How scores were measured, as the run records of stored results say it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from angle_bench.results.find.answers import StoredScore
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.suites.task import Task

# libraries whose versions change a vector or a score, in the order in which they are named
LIBRARIES = (
    *("angle-bench", "mteb", "torch", "transformers", "tokenizers", "peft"),
    *("sentence-transformers", "datasets", "numpy", "scipy", "scikit-learn"),
)


@dataclass(frozen=True)
class MeasuredWay:
    """How a model was used on some tasks.

    Attributes:
        tasks: Their names.
        settings: As the run record has them; None where they were not recorded, or where the
            loader chose them.
        prompts: The templates that were put around texts, by role; None where not recorded.
        loader: What loaded it; empty where nothing was recorded.
    """

    tasks: tuple[str, ...]
    settings: Mapping[str, Any] | None
    prompts: Mapping[str, str] | str | None
    loader: str = ""


@dataclass(frozen=True)
class MeasuredModel:
    """One checkpoint with scores.

    Attributes:
        name: In full.
        revisions: That scores are of: the commit of the hub, `sha256-` and a digest of the
            content, or the name of a folder of mteb's results repository.
        base: Of an adapter.
        selected_on_test: Test splits that the checkpoint was chosen by.
        ways: How it was used; one, unless prompts or settings differ between tasks.
        missing: Tasks without a score.
        versions: Of each library, those that scored it.
        devices: That computed it.
        data: Whose data the scores are over, by task.
    """

    name: str
    revisions: tuple[str, ...]
    base: str
    selected_on_test: tuple[str, ...]
    ways: tuple[MeasuredWay, ...]
    missing: tuple[str, ...]
    versions: Mapping[str, tuple[str, ...]]
    devices: tuple[str, ...]
    data: Mapping[str, str]

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def measured(
    model: StoredModel, tasks: Sequence[Task], answers: Mapping[str, StoredScore]
) -> MeasuredModel:
    """What the records of a model's scores say.

    Args:
        model: The model.
        tasks: What was asked.
        answers: Its score of each task that has one.
    """
    records = {name: answer.record for name, answer in answers.items()}
    of_models = [record.get("model", {}) for record in records.values()]
    return MeasuredModel(
        name=model.name,
        revisions=_revisions(answers) or (model.revision,),
        base=_first(of_models, "base"),
        selected_on_test=tuple(
            dict.fromkeys(split for each in of_models for split in each.get("selected_on_test", ()))
        ),
        ways=_ways(records),
        missing=tuple(task.name for task in tasks if task.name not in answers),
        versions=_versions(answers),
        devices=_values(records, lambda record: record.get("device")),
        data={name: _data(answer) for name, answer in answers.items()},
    )


def _revisions(answers: Mapping[str, StoredScore]) -> tuple[str, ...]:
    """That of the most scores first."""
    counted = Counter(answer.folder.revision for answer in answers.values())
    return tuple(revision for revision, _ in counted.most_common())


def _first(records: Sequence[Mapping[str, Any]], key: str) -> str:
    return next((str(each[key]) for each in records if each.get(key)), "")


def _values(
    records: Mapping[str, Mapping[str, Any]], get: Callable[[Mapping[str, Any]], Any]
) -> tuple[str, ...]:
    found = [get(record) for record in records.values()]
    return tuple(dict.fromkeys(str(each) for each in found if each))


def _ways(records: Mapping[str, Mapping[str, Any]]) -> tuple[MeasuredWay, ...]:
    """The tasks by what was recorded of them, in their order."""
    return merged(
        MeasuredWay(
            (name,),
            record.get("model", {}).get("settings"),
            record.get("prompts"),
            str(record.get("model", {}).get("loader") or ""),
        )
        for name, record in records.items()
    )


def merged(ways: Iterable[MeasuredWay]) -> tuple[MeasuredWay, ...]:
    """Ways that differ in their tasks alone as one."""
    found: dict[str, MeasuredWay] = {}
    for way in ways:
        key = repr((way.settings, way.prompts, way.loader))
        known = found.get(key, way)
        found[key] = replace(way, tasks=tuple(dict.fromkeys((*known.tasks, *way.tasks))))
    return tuple(found.values())


def _versions(answers: Mapping[str, StoredScore]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {name: {} for name in LIBRARIES}
    for answer in answers.values():
        recorded = {"mteb": answer.mteb_version, **answer.record.get("versions", {})}
        for name in LIBRARIES:
            if version := recorded.get(name):
                found[name][str(version)] = None
    return {name: tuple(versions) for name, versions in found.items() if versions}


def _data(answer: StoredScore) -> str:
    """Whose data: `hub`, or how local data compares with mteb's own counts."""
    data = answer.record.get("data", {})
    if not answer.folder.own or data.get("origin") in (None, "hub"):
        return "hub"
    return str(data.get("verification", {}).get("verdict") or data["origin"])
