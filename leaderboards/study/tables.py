"""The tables of leaderboards/README.md, from results/study: `make study-tables`.

python -m leaderboards.study.tables            write them between their marks in the page
python -m leaderboards.study.tables --check    exit with 3 where the page says anything else
"""

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from angle_bench.reporting.comparison.comparison_table import MARGIN
from angle_bench.reporting.comparison.seen import tell_apart
from angle_bench.reporting.comparison.verdict import (
    DifferenceVerdict,
    p_text,
    points,
    signed,
    with_interval,
)
from angle_bench.reporting.formats.forest_plot import Line, forest, standalone
from angle_bench.reporting.statistics.inference import Estimate
from angle_bench.results.find.stored_models import StoredModel, stored_models
from angle_bench.results.layout import SIDE
from angle_bench.suites.published import shipped
from angle_bench.suites.select import select
from leaderboards.study import plan
from leaderboards.study.scores import Scores, own_settings, read_scores

PAGE = plan.ROOT / "leaderboards" / "README.md"
PICTURE = plan.ROOT / "leaderboards" / "study.svg"
DIFFERS = 3
_MARKED = "<!-- table: {name} -->\n.*?<!-- end -->"

Lines = list[list[str]]


@dataclass(frozen=True)
class Read:
    """What all tables are made from.

    Attributes:
        stored: Models under their own settings, by name.
        sts: The six STS tasks with all of SICK.
        senteval: The six with SICK's test part alone.
        transfer: The classification tasks.
    """

    stored: Mapping[str, StoredModel]
    sts: Scores
    senteval: Scores
    transfer: Scores


def read() -> Read:
    """Everything of results/study."""
    stored = own_settings()
    suites = (plan.STS, plan.STS_SENTEVAL, plan.TRANSFER)
    return Read(stored, *(read_scores(tasks, stored) for tasks in suites))


def headline(of: Read) -> str:
    """Recipes by their mean on pairs that no recipe has seen."""
    scores = of.sts
    names = list(scores.sides)
    ranks = scores.ranks(scores.unseen)
    verdicts = _to_the_base(scores)
    unseen = {name: [one.score for one in scores.means(name, scores.unseen)] for name in names}
    lines = []
    for name in sorted(names, key=lambda name: -fmean(unseen[name])):
        low, high = ranks[name]
        lines.append(
            [
                str(low) if low == high else f"{low}–{high}",
                *_named(name),
                _spread(unseen[name]),
                *_judged(verdicts.get(name)),
                _spread([one.score for one in scores.means(name, scores.every)]),
            ]
        )
    head = ["rank", "trained on", "objective", "unseen pairs", "to the base", "", "verdict"]
    return _table([*head, "all pairs †"], lines, left=(0, 1, 2, 6))


def picture(of: Read) -> str:
    """The differences to the base on pairs that no recipe has seen, as SVG."""
    found = _to_the_base(of.sts)
    lines = [Line(": ".join(_named(name)), verdict.estimate) for name, verdict in found.items()]
    return standalone(forest(sorted(lines, key=lambda line: -line.estimate.difference), MARGIN))


def _to_the_base(scores: Scores) -> dict[str, DifferenceVerdict]:
    others = [name for name in scores.sides if name != plan.BASE]
    found = scores.verdicts([(plan.BASE, name) for name in others], scores.unseen)
    return dict(zip(others, found, strict=True))


def by_task(of: Read) -> str:
    """Scores by task over all pairs, and what was published of the base."""
    headers = [task.header for task in of.sts.suite.task]
    lines = [
        [
            *_named(name),
            *_task_scores(of.sts, name),
            _spread([one.score for one in of.sts.means(name, of.sts.every)]),
            _task_scores(of.senteval, name)[-1],
            _spread([one.score for one in of.senteval.means(name, of.senteval.every)]),
        ]
        for name in of.sts.sides
    ]
    for row in shipped():
        if row.model.endswith(f"/{plan.BASE}") and row.suite == "STS":
            said = [row.scores[task.name] for task in of.sts.suite.task]
            shown = [f"{score:.2f}" for score in said]
            lines.append([plan.BASE, "published", *shown, f"{fmean(said):.2f}", "–", "–"])
    head = ["trained on", "objective", *headers, "mean of 6", "SICKRelatedness", "mean of 6, its"]
    return _table(head, lines, left=(0, 1))


def leakage(of: Read) -> str:
    """What training saw of each task, and the gains on these pairs and on the others."""
    scores = of.sts
    shares, gains = {}, []
    for name in scores.sides:
        if name == plan.BASE:
            continue
        masks = scores.seen(name)
        data, shown = _named(name)
        shares[data] = [data, *(f"{100 * mask.mean():.0f} %" for mask in masks), ""]
        told = tell_apart(
            scores.items, scores.evidence[plan.BASE], scores.evidence[name], masks, fixed=True
        )
        each = [f"{_gain(task.on_seen)} / {_gain(task.on_unseen)}" for task in told.tasks]
        gains.append([f"{data}: {shown}", *each, _contrast(told.contrast)])
    lines = _titled("pairs seen", [*shares.values()]) + _titled("Δ seen / Δ unseen", gains)
    headers = [items.task.header for items in scores.items.tasks]
    return _table(["", "trained on", *headers, "Δ seen − Δ unseen"], lines, left=(0, 1))


def steps(of: Read) -> str:
    """What each objective adds: recipes beside each other, on the unseen pairs and on all."""
    scores = of.sts
    there = [step for step in plan.STEPS if step[0] in scores.sides and step[1] in scores.sides]
    pairs = [(base, name) for base, name, _ in there]
    unseen = scores.verdicts(pairs, scores.unseen)
    every = scores.verdicts(pairs, scores.every)
    lines = [
        [what, *_judged(one), with_interval(other.estimate)]
        for (_, _, what), one, other in zip(there, unseen, every, strict=True)
    ]
    head = ["what is added", "unseen pairs", "", "verdict", "all pairs †"]
    return _table(head, lines, left=(0, 3))


def grid(_: Read) -> str:
    """STS-B's test part by layer and leading dimensions: base, and the means of three seeds."""
    cuts = _grid_scores()
    head = ["layer", "recipe", *(f"size {size}" for size in plan.SIZES)]
    lines = []
    for layer in plan.LAYERS:
        for name in (plan.BASE, *plan.GRID_RECIPES):
            cells = [cuts.get((name, layer, size), []) for size in plan.SIZES]
            shown = _named(name)[1] if name != plan.BASE else "the base"
            lines.append([str(layer), shown, *(_spread(cell) for cell in cells)])
    return _table(head, lines, left=(1,))


def transfer(of: Read) -> str:
    """Accuracy of logistic regression on frozen vectors, compared on what no recipe has seen."""
    scores = of.transfer
    verdicts = _to_the_base(scores)
    lines = [
        [
            *_named(name),
            str(len(scores.sides[name].models)),
            *_task_scores(scores, name),
            _spread([one.score for one in scores.means(name, scores.every)]),
            _spread([one.score for one in scores.means(name, scores.unseen)]),
            *_judged(verdicts.get(name)),
        ]
        for name in scores.sides
    ]
    headers = [task.header for task in scores.suite.task]
    last = ["mean of 7 †", "unseen", "to the base", "", "verdict"]
    head = ["trained on", "objective", "seeds", *headers, *last]
    return _table(head, lines, left=(0, 1, len(head) - 1))


def published(of: Read) -> str:
    """Published scores of the paper's protocol, beside the base's own on the same six tasks."""
    tasks = of.senteval.suite.task
    lines = [[plan.BASE, "measured here", *_task_scores(of.senteval, plan.BASE)]]
    lines[0].append(f"{100 * of.senteval.means(plan.BASE, of.senteval.every)[0].score:.2f}")
    for row in shipped():
        said = [row.scores.get(task.name) for task in tasks]
        whole = [score for score in said if score is not None]
        if row.suite == "STS-SentEval" and len(whole) == len(tasks):
            shown = [f"{score:.2f}" for score in whole]
            lines.append([row.model.rpartition("/")[2], row.source, *shown, f"{fmean(whole):.2f}"])
    head = ["model", "source", *(task.header for task in tasks), "mean of 6"]
    return _table(head, lines, left=(0, 1))


def cost(of: Read) -> str:
    """Steps, the dev scores that chose, and the time of each recipe."""
    lines = []
    for recipe in plan.RECIPES:
        models = [of.stored[name] for s in plan.SEEDS if (name := recipe.model(s)) in of.stored]
        if not models:
            continue
        told = [plan.training_of(model.folders[0].path / SIDE) for model in models]
        dev = [one["score"] for one in told if one["score"] is not None]
        minutes = [one["seconds"] / 60 for one in told]
        lines.append(
            [
                *_named(recipe.name),
                " ".join(str(one["steps"]) for one in told),
                " ".join(str(one["best_step"] or "last") for one in told),
                _spread(dev) if dev else "–",
                " ".join(f"{each:.1f}" for each in minutes),
            ]
        )
    head = ["trained on", "objective", "steps", "chosen", "STSB-dev", "minutes"]
    return _table(head, lines, left=(0, 1))


TABLES: Mapping[str, Callable[[Read], str]] = {
    "headline": headline,
    "steps": steps,
    "leakage": leakage,
    "by task": by_task,
    "grid": grid,
    "transfer": transfer,
    "published": published,
    "cost": cost,
}


def filled(page: str, of: Read) -> str:
    """The page with every table between its marks."""
    for name, table in TABLES.items():
        places = list(re.finditer(_MARKED.format(name=name), page, re.DOTALL))
        if len(places) != 1:
            raise SystemExit(f"{PAGE.name} needs the marks of the table {name} once")
        block = f"<!-- table: {name} -->\n\n{table(of)}\n\n<!-- end -->"
        page = page[: places[0].start()] + block + page[places[0].end() :]
    return page


def main(words: Sequence[str]) -> int:
    """Write the page, or say whether it is as the results are."""
    of = read()
    made = {PAGE: filled(PAGE.read_text("utf-8"), of), PICTURE: picture(of)}
    if words == ["--check"]:
        stale = [place for place, text in made.items() if place.read_text("utf-8") != text]
        print(
            ", ".join(f"{place.name}: not what the results say" for place in stale) or "as stored"
        )
        return DIFFERS if stale else 0
    for place, text in made.items():
        place.write_text(text, encoding="utf-8")
    return 0


def _titled(title: str, lines: Lines) -> Lines:
    """Lines with a first column that has the title once."""
    return [["" if at else title, *line] for at, line in enumerate(lines)]


def _gain(difference: float) -> str:
    return signed(difference, 1) if math.isfinite(difference) else "–"


def _contrast(estimate: Estimate | None) -> str:
    if estimate is None or estimate.refusal:
        return "–"
    return f"{with_interval(estimate)} {p_text(estimate.p)}"


def _grid_scores() -> dict[tuple[str, int, int], list[float]]:
    """The scores of every seed, by recipe, layer and size."""
    found: dict[tuple[str, int, int], list[float]] = {}
    by_model = {recipe.model(seed): recipe.name for recipe in plan.RECIPES for seed in plan.SEEDS}
    (task,) = select([plan.GRID_TASK]).task
    for model in stored_models(plan.ROOT / plan.RESULTS):
        name = by_model.get(model.name, plan.BASE)
        settings = model.record.get("settings") or {}
        answer = model.answers([task], []).get(task.name)
        if answer is not None and (name in plan.GRID_RECIPES or name == plan.BASE):
            cut = (settings.get("layer") or plan.LAYERS[-1], settings.get("size") or plan.SIZES[-1])
            found.setdefault((name, *cut), []).append(answer.score)
    return found


def _named(name: str) -> list[str]:
    if name == plan.BASE:
        return ["–", f"none: {plan.BASE}"]
    recipe = plan.recipe(name)
    return [recipe.data, recipe.shown]


def _task_scores(scores: Scores, name: str) -> list[str]:
    each = [scores.items.scored(model) for model in scores.evidence[name]]
    return [_spread([one.score for one in of_task]) for of_task in zip(*each, strict=True)]


def _judged(verdict: DifferenceVerdict | None) -> list[str]:
    if verdict is None:
        return ["", "", ""]
    return [with_interval(verdict.estimate), verdict.p_text, verdict.text()]


def _spread(scores: Sequence[float]) -> str:
    """The mean ×100, and with several seeds the standard deviation."""
    if not scores:
        return "–"
    mean = points(fmean(scores))
    return mean if len(scores) == 1 else f"{mean} ± {points(stdev(scores))}"


def _table(head: Sequence[str], lines: Lines, left: Sequence[int]) -> str:
    rule = ["---" if at in left else "---:" for at in range(len(head))]
    rows = [head, rule, *lines]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
