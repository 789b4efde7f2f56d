"""The instructions of tasks, from generated data: what `{instruction}` in a prompt stands for."""

from collections.abc import Set

from angle_bench.files.places import shipped_json

ByRole = str | dict[str, str]

_FILE = "mteb-tasks.json"


def task_types() -> Set[str]:
    """The types of tasks that mteb has."""
    return frozenset(shipped_json(_FILE)["types"])


def task_instruction(
    task: str, task_type: str | None, role: str | None, own: ByRole | None = None
) -> str:
    """The instruction of a task for a role, as mteb's encoders are given it; `""` is none.

    A task's prompt in mteb is one text, or texts by role, and a role without one has none. A task
    without a prompt has that of its type.

    Args:
        task: Its name.
        task_type: Its type, which a task that mteb does not have falls back on.
        role: `query` or `document`; None for texts that have none.
        own: What a task that mteb does not have says itself.
    """
    rows = shipped_json(_FILE)
    if (row := rows["tasks"].get(task)) is not None:
        task_type, own = row["type"], rows["instructions"].get(task)
    if own is None:
        own = rows["types"].get(task_type, "")
    return own if isinstance(own, str) else own.get(role or "", "")
