"""Which tasks of a suite a model can be scored on, by what it gives and by mteb's protocol."""

from collections.abc import Sequence

from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.errors import UsageError, shell_word, some
from angle_bench.suites.task import Suite, Task

# whose data names the documents of each query that are to be ranked
RERANKED = {"Reranking", "InstructionReranking"}
# in which a whole corpus is searched
SEARCHED = {"Retrieval", "InstructionRetrieval", "Any2AnyRetrieval"}

_GIVES = {
    "cross-encoder": "scores pairs of texts",
    "multi-vector encoder": "gives a vector of each token",
}


def scorable(spec: ModelSpec, task: Task) -> bool:
    """Whether mteb's protocol has a score for what a model gives.

    A cross-encoder ranks documents that somebody else has found: those of a reranking task, or with
    a first stage those that another model found. A multi-vector encoder ranks a corpus as well.
    Vectors of encoders and sparse encoders are compared in every type of task. With a first stage
    only what a whole corpus is searched for is scored: all other tasks would be as without it.
    """
    return scores_type(spec.kind, spec.first_stage is not None, task.type)


def scores_type(kind: str, ranks_again: bool, task_type: str) -> bool:
    """The same, of what a run record says of a model.

    Args:
        kind: What it gives.
        ranks_again: Whether it has a first stage.
        task_type: Mteb's name of the type.
    """
    if ranks_again:
        return task_type in SEARCHED
    if kind == "cross-encoder":
        return task_type in RERANKED
    return kind != "multi-vector encoder" or task_type in RERANKED | SEARCHED


def scorable_suite(specs: Sequence[ModelSpec], suite: Suite, said: list[str]) -> Suite:
    """The tasks of a suite that a model, in all its variants, is scored on.

    Args:
        specs: The model in its variants, which are of one kind.
        suite: What was asked for.
        said: Takes a line that names the tasks that are left out.

    Raises:
        UsageError: None is left.
    """
    spec = specs[0]
    left = [task for task in suite.task if not scorable(spec, task)]
    if not left:
        return suite
    names = some([task.name for task in left])
    if len(left) == len(suite.task):
        raise UsageError(f"{_why(spec)}, and none of these tasks: {names}.", _fix(spec, left))
    said.append(f"{_why(spec)}; {len(left)} of {len(suite.task)} tasks left out: {names}")
    kept = tuple(task for task in suite.task if scorable(spec, task))
    return suite.model_copy(update={"task": kept})


def _why(spec: ModelSpec) -> str:
    if spec.first_stage is not None:
        return f"{spec.label} ranks what {spec.first_stage.label} found in retrieval tasks"
    types = "reranking tasks" if spec.kind == "cross-encoder" else "retrieval and reranking tasks"
    return f"{spec.label} is a {spec.kind}, which {_GIVES[spec.kind]} and ranks in {types}"


def _fix(spec: ModelSpec, left: Sequence[Task]) -> str:
    if spec.first_stage is not None:
        return "-t of a retrieval task, or the same command without --first-stage"
    searched = [task.name for task in left if task.type in SEARCHED]
    if spec.kind == "cross-encoder" and searched:
        return f"-t {shell_word(searched[0])} --first-stage MODEL, of a model that is scored on it"
    return "-t AskUbuntuDupQuestions, or another reranking task"
