"""The peer of `angle-bench run`: mteb and sentence-transformers at their default settings.

python -m benchmarks.peers.mteb_sts MODEL-FOLDER '{"STS16": "FOLDER-WITH-ITS-DATA"}'
"""

import json
import sys

import mteb
from sentence_transformers import SentenceTransformer


def main() -> None:
    """Evaluate, then print the main scores as JSON."""
    model, folders = sys.argv[1], json.loads(sys.argv[2])
    tasks = [_local(name, folder) for name, folder in folders.items()]
    outcome = mteb.evaluate(SentenceTransformer(model, device="cpu"), tasks, cache=None)
    print(
        json.dumps(
            {
                result.task_name: result.scores["test"][0]["main_score"]
                for result in outcome.task_results
            }
        )
    )


def _local(name: str, folder: str) -> mteb.AbsTask:
    task = mteb.get_task(name, eval_splits=["test"])
    source = task.metadata.dataset | {"path": folder}
    task.metadata = task.metadata.model_copy(update={"dataset": source})
    return task


if __name__ == "__main__":
    main()
