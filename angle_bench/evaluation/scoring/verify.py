"""Is a local copy MTEB's own text? Compare its counts with mteb's descriptive statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import mteb
from mteb.abstasks import AbsTaskRetrieval, AbsTaskSTS

from angle_bench.evaluation.mteb_internals import descriptive_statistics
from angle_bench.evaluation.scoring.corpus_texts import count_characters, is_plain
from angle_bench.evaluation.scoring.loaded_rows import retrieval_data
from angle_bench.evaluation.task_data import Located
from angle_bench.evaluation.user_tasks.task_types import OwnData
from angle_bench.suites.task import Task

# from the best to the worst that can be said of data
Verdict = Literal["hub", "package", "file", "equal", "no reference", "differs", "smoke run"]


@dataclass(frozen=True)
class PartCount:
    """Samples and characters of one split and subset, and what mteb's own data has."""

    split: str
    subset: str
    samples: int
    characters: int | None
    reference_samples: int | None
    reference_characters: int | None

    @property
    def equal(self) -> bool:
        """Whether both counts are the reference's."""
        return (self.samples, self.characters) == (
            self.reference_samples,
            self.reference_characters,
        )


@dataclass(frozen=True)
class Verification:
    """The verdict over all splits and subsets of a task, and the counts behind it."""

    verdict: Verdict
    parts: tuple[PartCount, ...] = ()

    def summary(self) -> dict[str, Any]:
        """What a run record says."""
        return {"verdict": self.verdict, "parts": [asdict(part) for part in self.parts]}


def verify(mteb_task: mteb.AbsTask, task: Task, located: Located) -> Verification:
    """Count local data, and compare a mirror's; hub commits and shipped data are what they are."""
    if located.origin in ("hub", "package") and located.limit is None:
        return Verification(located.origin)
    parts = tuple(
        _count(mteb_task, split, subset) for split in task.splits for subset in mteb_task.hf_subsets
    )
    if located.limit is not None:
        return Verification("smoke run", parts)
    if located.origin == "file":
        return Verification("file", parts)
    if any(part.reference_samples is None for part in parts):
        return Verification("no reference", parts)
    return Verification("equal" if all(part.equal for part in parts) else "differs", parts)


def _count(mteb_task: mteb.AbsTask, split: str, subset: str) -> PartCount:
    samples, characters = counted(mteb_task, split, subset)
    (reference,) = stats_of(mteb_task, split, [subset])
    return PartCount(
        split=split,
        subset=subset,
        samples=samples,
        characters=characters,
        reference_samples=None if reference is None else reference["num_samples"],
        reference_characters=None if reference is None else characters_of(reference),
    )


def counted(mteb_task: mteb.AbsTask, split: str, subset: str) -> tuple[int, int | None]:
    """Samples and characters of loaded data, counted as mteb counts them."""
    plain = isinstance(mteb_task, AbsTaskRetrieval) and not isinstance(mteb_task, OwnData)
    if plain and (found := _searched(mteb_task, split, subset)) is not None:
        return found
    chosen = subset if mteb_task.metadata.is_multilingual else None
    if not isinstance(mteb_task, AbsTaskSTS) or mteb_task.modalities != ["text"]:
        stats = descriptive_statistics(mteb_task, split, chosen)
        return stats["num_samples"], characters_of(stats)
    # its statistics of pairs hash every text, which takes longer than scoring them
    data: Any = mteb_task.dataset
    rows = data[chosen][split] if chosen else data[split]
    columns = [rows[str(name)][:] for name in mteb_task.column_names]
    return len(rows), sum(len(text) for column in columns for text in column)


def _searched(mteb_task: Any, split: str, subset: str) -> tuple[int, int] | None:
    """Counts of a retrieval task of plain texts; None of another, which are mteb's to count.

    mteb writes the texts of the corpus to the disk once more and hashes each.
    """
    if mteb_task.modalities != ["text"]:
        return None
    data = retrieval_data(mteb_task, subset, split)
    corpus, queries = data["corpus"], data["queries"]
    if not is_plain(corpus) or not is_plain(queries) or "instruction" in queries.column_names:
        return None
    characters = count_characters(corpus) + sum(map(len, queries["text"][:]))
    return len(corpus) + len(queries), characters


def characters_of(stats: Mapping[str, Any]) -> int | None:
    """The characters that descriptive statistics count; classification has them per column."""
    if (known := stats.get("number_of_characters")) is not None:
        return int(known)
    columns = [part for key, part in stats.items() if key.endswith("text_statistics") and part]
    return sum(part["total_text_length"] for part in columns) if columns else None


def stats_of(task: mteb.AbsTask, split: str, subsets: Sequence[str]) -> list[dict[str, Any] | None]:
    """The descriptive statistics that mteb has of a split, by subset."""
    known: Any = (task.metadata.descriptive_stats or {}).get(split)
    if known is None:
        return [None]
    by_subset = known.get("hf_subset_descriptive_stats")
    if by_subset is None:
        return [known]
    return [by_subset.get(subset) for subset in subsets]
