"""Rows that are saved steps of one training: their scores are a curve."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from angle_bench.reporting.tables.curve import Curve, Point
from angle_bench.reporting.tables.leaderboard import Board
from angle_bench.results.find.stored_models import StoredModel
from angle_bench.results.layout import SIDE
from angle_bench.results.result_file import read_object

_STEP = re.compile(r"checkpoint-(\d+)")  # as trainers name the folders of their saved steps


@dataclass(frozen=True)
class Trajectory:
    """A training on a leaderboard.

    Attributes:
        curve: The value of the column that the suite is judged by, for each step.
        labels: The row of each of its points.
    """

    curve: Curve
    labels: Sequence[str]


@dataclass(frozen=True)
class _Saved:
    label: str
    step: int
    model: StoredModel


def trajectories(board: Board, models: Mapping[str, Sequence[StoredModel]]) -> list[Trajectory]:
    """The trainings that have two rows or more, by where their checkpoints were when scored.

    Rows under other settings are a curve of their own. Where a step was scored, overwritten and
    scored again, the later scores are its point.

    Args:
        board: The rows.
        models: What each row was read from, by its label.
    """
    groups: dict[tuple[Path, str], dict[int, _Saved]] = {}
    for label, found in models.items():
        place = found[0].checkpoint if len(found) == 1 else None
        step = None if place is None else _STEP.fullmatch(place.name)
        if place is None or step is None:
            continue
        saved = _Saved(label, int(step[1]), found[0])
        group = groups.setdefault((place.parent, str(saved.model.record.get("settings"))), {})
        before = group.get(saved.step)
        if before is None or _scored_at(before.model) < _scored_at(saved.model):
            group[saved.step] = saved
    several = [
        [group[step] for step in sorted(group)] for group in groups.values() if len(group) > 1
    ]
    return [
        Trajectory(_curve(board, name, steps), [each.label for each in steps])
        for name, steps in zip(_names(several), several, strict=True)
    ]


def _curve(board: Board, name: str, steps: Sequence[_Saved]) -> Curve:
    rows = {row.label: row for row in board.rows}
    values = [board.value(rows[each.label], board.headline) for each in steps]
    points = [
        Point(each.step, None if value.partial else value.score)
        for each, value in zip(steps, values, strict=True)
    ]
    return Curve(name, board.headline.header, points)


def _scored_at(model: StoredModel) -> str:
    """When the latest of its scores was made, as ISO 8601 in UTC."""
    folder = model.folders[0]
    records = (read_object(folder.path / SIDE / f"{task}.json") for task in folder.files)
    return max((str(record.get("utc", "")) for record in records), default="")


def _names(groups: Sequence[Sequence[_Saved]]) -> list[str]:
    """The labels' beginning; where several have it, with the parent's name, settings, a number."""
    names = [_called(group) for group in groups]
    further: list[Callable[[Sequence[_Saved], str], str]] = [
        lambda group, name: f"{_folder(group).parent.name}/{name}",
        lambda group, name: f"{name} ({_settings(group)})",
    ]
    for describe in further:
        times = Counter(names)
        names = [
            describe(group, name) if times[name] > 1 else name
            for group, name in zip(groups, names, strict=True)
        ]
    seen: Counter[str] = Counter()
    for at, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[at] = f"{name} {seen[name]}"
    return names


def _called(group: Sequence[_Saved]) -> str:
    """What all rows are called before their step, else the folder's name."""
    said = {each.label.removesuffix(f" step {each.step}") for each in group}
    return said.pop() if len(said) == 1 else _folder(group).name


def _folder(group: Sequence[_Saved]) -> Path:
    place = group[0].model.checkpoint
    assert place is not None
    return place.parent


def _settings(group: Sequence[_Saved]) -> str:
    settings = group[0].model.record.get("settings") or {}
    cuts = [f"{key} {settings[key]}" for key in ("layer", "size") if settings.get(key) is not None]
    cuts += [settings["precision"]] if settings.get("precision") else []
    return ", ".join([str(settings.get("pooling")), *cuts])
