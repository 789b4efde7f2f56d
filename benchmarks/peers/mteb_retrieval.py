"""The peer of `angle-bench run` on retrieval: mteb and sentence-transformers as they come.

python -m benchmarks.peers.mteb_retrieval MODEL-FOLDER FOLDER-WITH-THE-DATA
"""

import json
import sys

import mteb
from mteb.abstasks import AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata
from sentence_transformers import SentenceTransformer


def main() -> None:
    """Evaluate, then print the main score."""
    model, folder = sys.argv[1:3]
    metadata = TaskMetadata(
        name="Passages",
        description="made passages",
        type="Retrieval",
        category="t2t",
        modalities=["text"],
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
        dataset={"path": folder, "revision": "1"},
    )
    task = type("Passages", (AbsTaskRetrieval,), {"metadata": metadata})()
    outcome = mteb.evaluate(SentenceTransformer(model, device="cpu"), task, cache=None)
    print(json.dumps(outcome.task_results[0].scores["test"][0]["main_score"]))


if __name__ == "__main__":
    main()
