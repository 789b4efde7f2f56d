"""Write the data in tasks/ that comes from mteb: `python -m tools.generate_tasks`.

Suites, names and revisions are read off the installed mteb, so that tables, a repeated run and
"did you mean" need no mteb. A test compares the files with what this module makes.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import mteb
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.benchmarks.benchmark import Benchmark
from mteb.models.model_meta import ModelMeta

from angle_bench.evaluation.scoring.verify import characters_of, stats_of
from angle_bench.files.places import tasks_folder
from angle_bench.suites.task import named_languages
from tools.mteb_prompts import (
    instructions_of_types,
    own_instructions,
    protocol_of,
    wraps_a_transformer,
)
from tools.mteb_registry import MODELS, TASKS, extras_of

MOST_SUBSETS = 60  # whose languages stand one by one, though their names say them
STS_SHORT = {"STSBenchmark": "STS-B"}
STS_TASKS = ("STS12", "STS13", "STS14", "STS15", "STS16", "STSBenchmark", "SICK-R")
CHINESE_STS = ("ATEC", "BQ", "LCQMC", "PAWSX", "STSB")
STS_EXCERPTS = {"STS-10": "MTEB(eng, v1)", "STS-9": "MTEB(eng, v2)"}
BENCHMARKS = {
    "MTEB-eng-v1": "MTEB(eng, v1)",
    "MTEB-eng-v2": "MTEB(eng, v2)",
    "MTEB-cmn-v1": "MTEB(cmn, v1)",
    "MTEB-vie-v1": "VN-MTEB (vie, v1)",
}


def models() -> dict[str, Any]:
    """The text encoders of mteb, each with the revision and the prompts that mteb loads."""
    metas = text_encoders()
    tasks = [kind.metadata for kind in text_tasks()]
    found = {name: protocol_of(meta, tasks) for name, meta in metas.items()}
    protocols: dict[str, Any] = {}
    same: dict[str, str] = {}
    for name, protocol in found.items():
        if protocol is not None and (said := protocol.model_dump(exclude_defaults=True)):
            first = next((other for other, known in protocols.items() if known == said), name)
            protocols.setdefault(first, said)
            same[name] = first
    return {
        "mteb_version": mteb.__version__,
        "models": {name: meta.revision for name, meta in metas.items()},
        "instructed": [name for name, meta in metas.items() if meta.use_instructions],
        "by_code": [name for name, protocol in found.items() if protocol is None],
        "own_code": [name for name, meta in metas.items() if not wraps_a_transformer(meta)],
        "multi_vector": [name for name, meta in metas.items() if gives_token_vectors(meta)],
        "extras": {name: each for name, meta in metas.items() if (each := extras_of(meta))},
        "protocol": same,
        "protocols": protocols,
    }


def text_encoders() -> dict[str, ModelMeta]:
    """The models of mteb that turn text into vectors, by name."""
    return {
        name: meta
        for name, meta in sorted(MODELS.items())
        if "text" in meta.modalities and not meta.is_cross_encoder and meta.loader is not None
    }


def gives_token_vectors(meta: ModelMeta) -> bool:
    """Whether mteb says that it gives a vector of each token, and no other."""
    return meta.model_type == ["late-interaction"]


def text_tasks() -> list[type[mteb.AbsTask]]:
    """The tasks of mteb that are text alone, by name."""
    # every task of the registry, also those that get_tasks() leaves out (superseded, aggregate)
    return [kind for _, kind in sorted(TASKS.items()) if kind.metadata.modalities == ["text"]]


def tasks() -> dict[str, Any]:
    """The text tasks and benchmarks of mteb; other tasks by name only."""
    kinds = {kind.metadata.name: kind for kind in text_tasks()}
    rows = {name: task_row(kind()) for name, kind in kinds.items()}
    metas = [kind.metadata for kind in kinds.values()]
    by_type = instructions_of_types()
    return {
        "mteb_version": mteb.__version__,
        "types": by_type,
        "instructions": own_instructions(metas, by_type),
        "languages": {meta.name: said for meta in metas if (said := languages(meta)) is not None},
        "private": [meta.name for meta in metas if not meta.is_public],
        "tasks": rows,
        "benchmarks": {b.name: benchmark_row(b, rows) for b in text_benchmarks(rows)},
        "other": [name for name in sorted(TASKS) if name not in kinds],
    }


def languages(meta: TaskMetadata) -> list[str] | dict[str, list[str]] | None:
    """The languages of a task, by subset; None for English alone.

    Of tasks of very many subsets those of all together, where the name of each says its own.
    """
    said = meta.eval_langs
    by_subset = (
        {"": list(said)} if isinstance(said, list) else {k: list(v) for k, v in said.items()}
    )
    if all(found == ["eng-Latn"] for found in by_subset.values()):
        return None
    if len(by_subset) == 1:
        return next(iter(by_subset.values()))
    every = sorted({language for each in by_subset.values() for language in each})
    told = all(named_languages(name) == tuple(found) for name, found in by_subset.items())
    return every if told and len(by_subset) > MOST_SUBSETS else by_subset


def text_benchmarks(rows: dict[str, Any]) -> Iterable[Benchmark]:
    """The benchmarks whose tasks are all text."""
    for found in mteb.get_benchmarks():
        if all(task.metadata.name in rows for task in found.tasks):
            yield found


def benchmark_row(found: Benchmark, rows: dict[str, Any]) -> dict[str, Any]:
    """A benchmark's tasks; splits and subsets only where they differ from the task's own."""
    entries = []
    for task in found.tasks:
        name = task.metadata.name
        row = task_row(task)
        narrowed = {
            key: row[key]
            for key in ("splits", "subsets", "samples", "characters")
            if row.get(key) != rows[name].get(key)
        }
        entries.append({"name": name, **narrowed})
    # "all" are those of its tasks, which are shown where none are named
    view = [] if found.language_view == "all" else list(found.language_view)
    told = {"languages": view} if view else {}
    return {"aliases": list(getattr(found, "aliases", ())), **told, "tasks": entries}


def task_row(task: mteb.AbsTask) -> dict[str, Any]:
    """What a suite says of a task."""
    meta = task.metadata
    subsets = list(task.hf_subsets)
    row: dict[str, Any] = {
        "type": meta.type,
        "dataset": meta.dataset["path"],
        "revision": meta.dataset["revision"],
        "splits": list(task.eval_splits),
        "subsets": subsets,
        "metric": meta.main_score,
    }
    samples, characters = size(task, subsets, list(task.eval_splits))
    if samples is not None:
        row |= {"samples": samples, "characters": characters}
    if task.is_aggregate:
        row["parts"] = [part.metadata.name for part in getattr(meta, "tasks", ())]
    return row


def size(
    task: mteb.AbsTask, subsets: Sequence[str], splits: Sequence[str]
) -> tuple[int | None, int | None]:
    """Samples and characters over these splits and subsets, None where mteb has no statistics."""
    samples, characters = 0, 0
    counted = True
    for split in splits:
        for stats in stats_of(task, split, subsets):
            if stats is None:
                return None, None
            samples += stats["num_samples"]
            part = characters_of(stats)
            counted = counted and part is not None
            characters += part or 0
    return samples, characters if counted else None


def mteb_suites() -> dict[str, str]:
    """Every suite of mteb's tasks as TOML, by name."""
    made = {"STS": sts_suite(), "STS-zh": chinese_sts_suite()}
    made |= {name: sts_excerpt(name, full) for name, full in STS_EXCERPTS.items()}
    return made | {name: benchmark_suite(name, full) for name, full in BENCHMARKS.items()}


def sts_suite() -> str:
    """The seven English STS tasks by MTEB's protocol."""
    description = (
        "The seven English STS tasks by MTEB's protocol: STS12 to STS16, STSBenchmark, and SICK-R "
        "with all its 9,927 pairs."
    )
    return suite_toml(head("STS", description), [suite_row(mteb.get_task(n)) for n in STS_TASKS])


def chinese_sts_suite() -> str:
    """Five Chinese STS tasks on their test splits.

    mteb's own default for ATEC, BQ and STSB is validation and test together; C-MTEB counts test.
    """
    description = "Five Chinese STS tasks as C-MTEB counts them: the test split alone."
    tasks = [mteb.get_task(name, eval_splits=["test"]) for name in CHINESE_STS]
    return suite_toml(head("STS-zh", description), [suite_row(task) for task in tasks])


def sts_excerpt(name: str, full: str) -> str:
    """The STS tasks of a benchmark, in the subsets that it counts."""
    tasks = [task for task in mteb.get_benchmark(full).tasks if task.metadata.type == "STS"]
    description = f"The {len(tasks)} STS tasks of {full}, in the subsets that it counts."
    rows = sorted((suite_row(task) for task in tasks), key=lambda row: _sts_order(row["name"]))
    return suite_toml(head(name, description), rows)


def _sts_order(name: str) -> tuple[int, str]:
    return (STS_TASKS.index(name) if name in STS_TASKS else len(STS_TASKS), name)


def benchmark_suite(name: str, full: str) -> str:
    """One of mteb's benchmarks, in its splits and subsets."""
    found = mteb.get_benchmark(full)
    description = f"The {len(found.tasks)} tasks of mteb's benchmark {full}."
    aliases = [full, *getattr(found, "aliases", ())]
    return suite_toml(
        head(name, description, aliases=aliases), [suite_row(task) for task in found.tasks]
    )


def suite_row(task: mteb.AbsTask) -> dict[str, Any]:
    """A task as an entry of a suite."""
    name = task.metadata.name
    return {"name": name, "short": STS_SHORT.get(name, name), **task_row(task)}


def head(name: str, description: str, **more: Any) -> dict[str, Any]:
    """What a suite of mteb's tasks says of itself."""
    first = {"name": name, "version": "1", "description": description}
    return {**first, **more, "average": "tasks", "mteb_version": mteb.__version__}


def demo_suite() -> str:
    """The suite demo as TOML, with the counts of its shipped data."""
    lines = (tasks_folder() / "demo" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    pairs = [json.loads(line) for line in lines]
    first = {
        "name": "demo",
        "version": "1",
        "description": "English sentence pairs written for this project, scored 0 to 5 on the "
        "SemEval STS scale: a smoke benchmark that shows whether a model works at all, not a "
        "measure to choose models by.",
        "average": "tasks",
    }
    entry = {
        "name": "AngleBenchDemo",
        "short": "demo",
        "type": "STS",
        "dataset": "angle-bench/demo",
        "revision": "local",
        "splits": ["test"],
        "subsets": ["default"],
        "metric": "cosine_spearman",
        "samples": len(pairs),
        "characters": sum(len(pair["sentence1"]) + len(pair["sentence2"]) for pair in pairs),
    }
    return suite_toml(first, [entry])


def suite_toml(first: dict[str, Any], entries: Sequence[dict[str, Any]]) -> str:
    """A suite as TOML; its strings, numbers and lists are written as in JSON."""
    lines = ["# Generated: python -m tools.generate_tasks"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in first.items()]
    for entry in entries:
        lines += ["", "[[task]]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n"


def generated() -> dict[str, str]:
    """Every generated file by name, with its text."""
    from tools.mteb_citations import citations
    from tools.mteb_training_sets import as_lines, training_sets

    names = {kind.metadata.name for kind in text_tasks()}
    return {
        **{f"{name}.toml": text for name, text in mteb_suites().items()},
        "demo.toml": demo_suite(),
        "mteb-models.json": json.dumps(models(), indent=0) + "\n",
        "mteb-tasks.json": _one_line_each(tasks()),
        "mteb-citations.json": _one_line_each(citations()),
        "mteb-training-sets.json": as_lines(training_sets(names)),
    }


def _one_line_each(catalogue: dict[str, Any]) -> str:
    """JSON with a line for every task and benchmark, so that a new mteb gives a readable diff."""
    parts = []
    for key, value in catalogue.items():
        if isinstance(value, dict):
            rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            parts.append(f"{json.dumps(key)}: {{\n{rows}\n}}")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{" + ",\n".join(parts) + "}\n"


def main(folder: Path | None = None) -> None:
    """Write all generated files."""
    for name, text in generated().items():
        ((folder or tasks_folder()) / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
