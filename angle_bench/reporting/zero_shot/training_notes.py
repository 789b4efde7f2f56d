"""What is said under a table of the training that its models had."""

from collections.abc import Mapping

from angle_bench.errors import some
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.reporting.zero_shot.trained_on import TrainedOn, share_text
from angle_bench.suites.training_sets import mteb_version


def training_notes(board: Board) -> list[str]:
    """How both kinds of facts are known, whose declarations count, which tasks were seen."""
    if board.trained_on is None:
        return []
    headers = {task.name: task.header for task in board.suite.task}
    return [
        "zero-shot: the share of these tasks that a model was not trained on, as its makers "
        f"declare it by name in mteb {mteb_version()}, tasks linked with a declared one "
        "(translations, later versions) included; not declared is not 100 %",
        *_bases(board.trained_on),
        *_seen(board.trained_on, headers),
    ]


def _bases(told: Mapping[str, TrainedOn]) -> list[str]:
    """Rows that have no declarations but those of what they were made from."""
    by_base: dict[tuple[str, ...], list[str]] = {}
    for label, each in told.items():
        if each.bases:
            by_base.setdefault(each.bases, []).append(label)
    return [
        f"zero-shot of {some(labels)}: as declared of the base, {', '.join(bases)}; what was "
        "trained on since is not declared"
        for bases, labels in by_base.items()
    ]


def _seen(told: Mapping[str, TrainedOn], headers: Mapping[str, str]) -> list[str]:
    measured = {label: each.measured for label, each in told.items() if each.measured}
    if not measured:
        return []
    lines = [
        "texts seen: the share of the items whose texts are in a training's record, measured by "
        "text; the mean over the tasks whose items have texts"
    ]
    for label, shares in measured.items():
        found = [f"{headers[name]} {share_text(share)}" for name, share in shares.items() if share]
        count = f"{len(shares)} of {len(headers)} tasks are measured"
        lines.append(f"texts seen by {label}: {some(found) if found else 'none'} ({count})")
    return lines
