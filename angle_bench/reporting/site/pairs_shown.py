"""Every stored pair of STS tasks: texts and gold scores once, and what each model gives them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from angle_bench.reporting.comparison.changes import has_texts, rank_errors
from angle_bench.reporting.comparison.common_items import TextNumbers
from angle_bench.reporting.comparison.evidence import Evidence
from angle_bench.reporting.comparison.pairing import Read, Side
from angle_bench.reporting.comparison.parts import ScoredPart
from angle_bench.reporting.comparison.seen import seen_pairs
from angle_bench.reporting.statistics.measures import Spearman
from angle_bench.reporting.statistics.ranked import Ranked
from angle_bench.suites.task import Suite

DIGITS, ERROR_DIGITS = 4, 2  # of a similarity, and of a rank error in points


@dataclass(frozen=True)
class StoredPairs:
    """The pairs of all parts of all tasks, one after another.

    Attributes:
        texts: Task, subset and split of each part, where it begins, texts and gold scores.
        models: By label, for each part that the model was scored on: similarities, rank errors
            in points, and whether its training saw the pair.
    """

    texts: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many pairs."""
        return len(self.texts.get("gold", ()))


def stored_pairs(
    sides: Sequence[Side], suite: Suite, read: Read, numbers: TextNumbers
) -> StoredPairs:
    """The pairs whose texts are stored.

    The first side that has a task says its data; sides that were scored on other data have none of
    its pairs. Of several seeds the values are means.

    Args:
        sides: Under labels of their own.
        suite: The tasks.
        read: What the files of their models say.
        numbers: Of texts, in which they are numbered.
    """
    texts: dict[str, Any] = {"parts": [], "text1": [], "text2": [], "gold": []}
    models: dict[str, dict[str, Any]] = {side.label: {} for side in sides}
    for task in suite.task:
        scored = {side.label: found for side in sides if (found := _of_task(side, read, task.name))}
        if not scored:
            continue
        first = next(iter(scored.values()))[0]
        alike = {
            label: each
            for label, each in scored.items()
            if all(one.answer.dataset_revision == first.answer.dataset_revision for one in each)
        }
        for place, part in enumerate(first.parts):
            if not (isinstance(part.measure, Spearman) and has_texts(part)):
                continue
            number = str(len(texts["parts"]))
            _add_texts(texts, task.header, part)
            for side in sides:
                if side.label in alike:
                    own = [one.parts[place] for one in alike[side.label]]
                    models[side.label][number] = _of_model(own, side, numbers)
    return StoredPairs(texts, {label: parts for label, parts in models.items() if parts})


def _of_task(side: Side, read: Read, task: str) -> list[Evidence]:
    """The evidence of each of a side's models; none where one has none."""
    found = [read[name].usable.get(task) for name in side.named()]
    return [] if None in found else [one for one in found if one is not None]


def _add_texts(texts: dict[str, Any], task: str, part: ScoredPart) -> None:
    keys = part.keys
    texts["parts"].append(
        {
            "task": task,
            "subset": keys["subset"][0].as_py(),
            "split": keys["split"][0].as_py(),
            "start": len(texts["gold"]),
            "count": keys.num_rows,
        }
    )
    for name in ("text1", "text2"):
        texts[name] += keys[name].to_pylist()
    texts["gold"] += [round(value, DIGITS) for value in keys["gold"].to_pylist()]


def _of_model(parts: Sequence[ScoredPart], side: Side, numbers: TextNumbers) -> dict[str, Any]:
    keys = parts[0].keys
    gold = Ranked.of(keys["gold"].to_numpy()).centred()
    scores = np.mean([part.scores for part in parts], axis=0)
    errors = np.mean([rank_errors(gold, part.scores) for part in parts], axis=0)
    return {
        "scores": np.round(scores, DIGITS).tolist(),
        "errors": np.round(errors, ERROR_DIGITS).tolist(),
        "seen": _seen(keys, side, numbers),
    }


def _seen(keys: Any, side: Side, numbers: TextNumbers) -> list[int] | None:
    """1 for each pair that training saw; None where no training is recorded."""
    if not side.training:
        return None
    texts = np.stack([numbers.of(keys[name]) for name in ("text1", "text2")], axis=1)
    return [int(seen) for seen in seen_pairs(texts, side.training, numbers.hashes)]
