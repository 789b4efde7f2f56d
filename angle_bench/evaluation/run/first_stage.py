"""The documents that a scored model found first, for another model to rank again."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.spec import FirstStage, ModelSpec
from angle_bench.errors import DataError, UsageError, shell_word
from angle_bench.evaluation.run.run_options import Options
from angle_bench.evaluation.scored.scored_lookup import members_of
from angle_bench.evaluation.task_data import Located, locate
from angle_bench.results.find.stored_models import stored_models
from angle_bench.results.layout import ModelFolder
from angle_bench.results.model_folder import read_record
from angle_bench.results.ranked_documents import KEPT, read_ranked
from angle_bench.suites.task import Task


def first_stage_of(word: str, root: Path, access: LoadOptions, tasks: Sequence[str]) -> FirstStage:
    """The scored model that a name, label or path means.

    Args:
        word: What is typed after `--first-stage`.
        root: The results folder.
        access: Where checkpoints are looked for.
        tasks: What is typed after `-t`, for the error.

    Raises:
        UsageError: Nothing is called so, several models are, or it was scored by other tools.
        ResultsError: It is no model with scores.
    """
    stored = stored_models(root)
    found = members_of(word, stored, access, shell_word(",".join(tasks)))
    if len(found) != 1:
        raise UsageError(
            f"{word} means {len(found)} models; a first stage is one.", "--first-stage NAME of one"
        )
    (model,) = found
    if not model.record:
        raise UsageError(
            f"the scores of {model.label} are another tool's, which keep no documents.",
            f"angle-bench run -m {shell_word(word)} first, on the same tasks",
        )
    return FirstStage(
        name=model.name,
        revision=model.revision,
        settings_id=model.settings_id,
        label=model.label,
    )


def locate_for(spec: ModelSpec, task: Task, options: Options) -> Located:
    """Where a task's data is, with the documents that the model's first stage found in it.

    Raises:
        DataError: There is no such data; or the first stage was not scored on it.
    """
    located = locate(task, options.mirror, options.limit)
    if spec.first_stage is None or task.parts:
        return located
    place = _candidates(spec.first_stage, task, located, options)
    return replace(located, definition=_digest(place), candidates=place)


def _candidates(stage: FirstStage, task: Task, located: Located, options: Options) -> Path:
    folder = ModelFolder(options.root, stage.name, stage.revision, stage.settings_id)
    place = folder.ranked(task.name)
    fix = f"angle-bench run -m {shell_word(stage.label)} -t {shell_word(task.name)} first"
    if not place.is_file():
        raise DataError(
            f"{stage.label} has found no documents for {task.name}: {place} is not there.", fix
        )
    revision = read_record(folder, task.name).get("data", {}).get("revision")
    if revision != located.revision:
        raise DataError(
            f"{stage.label} was scored on {task.name} with data {revision}, and here is "
            f"{located.revision}.",
            fix,
        )
    return place


def _digest(place: Path) -> str:
    """The first 16 hex digits of the sha256 of what is ranked again, its order included."""
    digest = hashlib.sha256(f"first {KEPT}\n".encode())
    for part, queries in read_ranked(place).items():
        for query, documents in queries.items():
            digest.update("\0".join((*part, query, *documents, "\n")).encode())
    return digest.hexdigest()[:16]
