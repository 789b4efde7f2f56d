"""A retrieval task in which each query's documents of a first stage are ranked, and no others."""

from pathlib import Path

import mteb
from mteb.abstasks import AbsTaskRetrieval

from angle_bench.errors import DataError, some
from angle_bench.evaluation import mteb_internals
from angle_bench.evaluation.scoring.loaded_rows import parts, retrieval_data
from angle_bench.results.ranked_documents import KEPT, read_ranked
from angle_bench.suites.task import Task


def rank_candidates(mteb_task: mteb.AbsTask, task: Task, place: Path) -> None:
    """Let a loaded task rank what a first stage found, as mteb's `convert_to_reranking` does.

    Args:
        mteb_task: The task, whose data is loaded.
        task: What the suite asks for.
        place: The documents of each query, as a retrieval task stores them.

    Raises:
        DataError: The task searches no corpus, or the documents are not of its data.
    """
    if not isinstance(mteb_task, AbsTaskRetrieval):
        raise DataError(
            f"{task.name} searches no corpus, in which a first stage could have found documents.",
            "-t of a retrieval task, or the same command without --first-stage",
        )
    found = read_ranked(place)
    for subset, split in parts(mteb_task, task):
        data = retrieval_data(mteb_task, subset, split)
        ranked = found.get((subset, split), {})
        known = set(data["corpus"]["id"])
        lost = {name for names in ranked.values() for name in names} - known
        judged = data["relevant_docs"]
        lacking = [  # a query without a relevant document is not scored
            query
            for query in data["queries"]["id"]
            if query not in ranked and any(score > 0 for score in judged.get(query, {}).values())
        ]
        if lost or lacking:
            odd = f"the documents {some(sorted(lost))}" if lost else f"no {some(lacking)}"
            raise DataError(
                f"{place} has {odd} of {task.name} {subset}/{split}: it is of other data.",
                "the first stage scored again, with --overwrite",
            )
        data["top_ranked"] = ranked
    mteb_internals.set_top_k(mteb_task, KEPT)
