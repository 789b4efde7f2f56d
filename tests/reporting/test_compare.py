"""Comparisons of stored models: values, guards, seen pairs, changes, ranks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from angle_bench.errors import ResultsError, UsageError
from angle_bench.files.atomic import write_json
from angle_bench.reporting.comparison.changes import changes, changes_file, groups
from angle_bench.reporting.comparison.compare import compare, read_sides
from angle_bench.reporting.comparison.comparison_table import ComparedRow, ComparisonTable, How
from angle_bench.reporting.comparison.pairing import Side
from angle_bench.reporting.comparison.ranking import ranks
from angle_bench.reporting.comparison.sentences import sentences
from angle_bench.reporting.comparison.text_report import text
from angle_bench.reporting.formats.compare_json import as_json
from angle_bench.reporting.site.comparison_page import page
from angle_bench.reporting.statistics.inference import holm
from angle_bench.reporting.statistics.measures import Spearman
from angle_bench.results.layout import SIDE, ModelFolder
from angle_bench.results.predictions import read_predictions, without_texts
from angle_bench.results.training_texts import FILE_NAME
from angle_bench.suites.task import Suite
from tests.stored import MEAN, Pairs, Results, put_training, suite, task

A, B = Pairs("A"), Pairs("B")
BOTH = suite(task("A"), task("B"))


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Models base, good and bad on two tasks that share no sentence."""
    made = Results(tmp_path)
    for label, noise in (("base", 0.3), ("good", 0.1), ("bad", 0.8)):
        for seed, (name, pairs) in enumerate((("A", A), ("B", B))):
            made.put(f"local/{label}", name, pairs.part(pairs.scores(noise, seed)))
    return made


def side(results: Results, *names: str, label: str | None = None) -> Side:
    return Side.of(label or names[0], [results.model(name) for name in names], [])


def compared(results: Results, *names: str, of: Suite = BOTH, **how: object) -> ComparisonTable:
    sides = [side(results, name) for name in names]
    return compare(side(results, "base"), sides, of, How(**how))  # type: ignore[arg-type]


def only(comparison: ComparisonTable) -> ComparedRow:
    (row,) = comparison.rows
    return row


def spearman(pairs: Pairs, noise: float, seed: int) -> float:
    return Spearman(pairs.gold, pairs.scores(noise, seed)).value()


def test_the_mean_of_tasks_is_compared(results: Results) -> None:
    found = compared(results, "bad", "good")
    assert [row.label for row in found.rows] == ["good", "bad"]
    assert [row.verdict.word for row in found.rows if row.verdict] == ["better", "worse"]
    good = found.rows[0]
    gaps = [spearman(pairs, 0.1, at) - spearman(pairs, 0.3, at) for at, pairs in enumerate((A, B))]
    assert good.verdict is not None
    assert good.verdict.estimate.difference == pytest.approx(np.mean(gaps))
    assert [v.estimate.difference for v in good.by_task.values()] == pytest.approx(gaps)
    # tasks that share no sentence are independent
    errors = [verdict.estimate.standard_error for verdict in good.by_task.values()]
    assert good.verdict.estimate.standard_error == pytest.approx(np.hypot(*errors) / 2)
    assert [row.label for row in found.worse] == ["bad"]
    assert found.missing == {}


def test_sentences_that_tasks_share_move_them_together(tmp_path: Path) -> None:
    """Two tasks over the same pairs, with the same scores, are one task seen twice."""
    made = Results(tmp_path)
    for label, noise in (("base", 0.3), ("ft", 0.2)):
        for name in ("A", "B"):
            made.put(f"local/{label}", name, A.part(A.scores(noise, 1)))
    row = only(compared(made, "ft"))
    assert row.verdict is not None
    errors = [verdict.estimate.standard_error for verdict in row.by_task.values()]
    assert row.verdict.estimate.standard_error == pytest.approx(errors[0])
    pairs = only(compared(made, "ft", method="pairs"))
    assert pairs.verdict is not None
    assert pairs.verdict.estimate.standard_error < 0.85 * errors[0]


def test_a_mean_over_task_types_weighs_types(tmp_path: Path) -> None:
    made = Results(tmp_path)
    queries = {"subset": ["default"] * 3, "split": ["test"] * 3, "query_id": ["1", "2", "3"]}
    for label, noise, values in (("base", 0.3, [0.0, 0.5, 0.4]), ("ft", 0.1, [0.5, 0.5, 0.8])):
        for name, pairs in (("A", A), ("B", B)):
            made.put(f"local/{label}", name, pairs.part(pairs.scores(noise, 1)), data="r")
        table = {**queries, "metric": ["ndcg_at_10"] * 3, "value": values}
        made.put_table(f"local/{label}", "R", table, float(np.mean(values)))
    retrieval = task("R", type="Retrieval", metric="ndcg_at_10")
    of = suite(task("A"), task("B"), retrieval, average="types")
    row = only(compared(made, "ft", of=of))
    gaps = {name: verdict.estimate.difference for name, verdict in row.by_task.items()}
    assert gaps["R"] == pytest.approx(0.3)
    assert row.verdict is not None
    expected = (gaps["A"] + gaps["B"]) / 4 + gaps["R"] / 2
    assert row.verdict.estimate.difference == pytest.approx(expected)


def test_classification_is_clustered_by_text_over_experiments(tmp_path: Path) -> None:
    """Ten experiments with the same answers are not ten times the evidence."""
    made = Results(tmp_path)
    random = np.random.default_rng(0)
    right = {"base": random.random(40) < 0.6, "ft": random.random(40) < 0.8}
    for label, answers in right.items():
        gold = ["x"] * 40
        predicted = ["x" if answer else "y" for answer in answers]
        for name, times in (("One", 1), ("Ten", 10)):
            table = {
                "subset": ["default"] * 40 * times,
                "split": ["test"] * 40 * times,
                "experiment": [number for number in range(times) for _ in range(40)],
                "index": list(range(40)) * times,
                "text": [f"text {number}" for number in range(40)] * times,
                "gold": gold * times,
                "predicted": predicted * times,
            }
            made.put_table(f"local/{label}", name, table, float(answers.mean()))
    kinds = [task(name, type="Classification", metric="accuracy") for name in ("One", "Ten")]
    row = only(compared(made, "ft", of=suite(*kinds)))
    one, ten = row.by_task["One"].estimate, row.by_task["Ten"].estimate
    assert one.difference == pytest.approx(right["ft"].mean() - right["base"].mean())
    assert (ten.difference, ten.standard_error) == pytest.approx(
        (one.difference, one.standard_error)
    )


def test_translations_of_one_sentence_are_one_item(tmp_path: Path) -> None:
    """Four languages, two and two, have no text in common; a third pair of languages links them."""
    made = Results(tmp_path)
    random = np.random.default_rng(0)
    right = {label: random.random(40) < rate for label, rate in (("base", 0.5), ("ft", 0.7))}
    languages = ("de-en", "fr-it", "en-fr")
    for label, found in right.items():
        places = [str(at) for at in range(40)]
        one = [place if own else "none" for place, own in zip(places, found, strict=True)]
        for name, used in (("One", languages[:1]), ("Three", languages)):
            table = {
                "subset": [subset for subset in used for _ in places],
                "split": ["test"] * 40 * len(used),
                "index": [*range(40)] * len(used),
                "text1": [f"{subset[:2]} {place}" for subset in used for place in places],
                "text2": [f"{subset[3:]} {place}" for subset in used for place in places],
                "gold": places * len(used),
                "predicted": one * len(used),
            }
            score = float(found.mean())
            folder = made.put_table(f"local/{label}", name, table, score)
            made.result(folder, name, {("test", subset): score for subset in used})
    kinds = {"type": "BitextMining", "metric": "f1"}
    of = suite(
        task("One", subsets=languages[:1], **kinds), task("Three", subsets=languages, **kinds)
    )
    row = only(compared(made, "ft", of=of))
    one, three = row.by_task["One"].estimate, row.by_task["Three"].estimate
    assert one.difference == pytest.approx(right["ft"].mean() - right["base"].mean())
    assert (three.difference, three.standard_error) == pytest.approx(
        (one.difference, one.standard_error)
    )


def test_pair_classification_is_compared_by_average_precision(tmp_path: Path) -> None:
    made = Results(tmp_path)
    from angle_bench.reporting.statistics.measures import AveragePrecision

    gold = (A.gold > 2.5).astype(float)
    found = {}
    for label, noise in (("base", 0.5), ("ft", 0.2)):
        score = A.scores(noise, 1)
        found[label] = AveragePrecision(gold, score).value()
        table = {
            "subset": ["default"] * 120,
            "split": ["test"] * 120,
            "index": range(120),
            "text1": A.text1,
            "text2": A.text2,
            "gold": gold,
            "score": score,
        }
        made.put_table(f"local/{label}", "P", table, found[label])
    of = suite(task("P", type="PairClassification", metric="max_ap"))
    row = only(compared(made, "ft", of=of))
    assert row.verdict is not None
    assert row.verdict.estimate.difference == pytest.approx(found["ft"] - found["base"])
    # it has one for the best accuracy, and none for the best F1
    row = only(compared(made, "ft", of=suite(task("P", metric="max_f1"))))
    assert "no influence" in row.pairing.left_out["P"]


def test_splits_and_subsets_count_the_same_and_can_be_shown(tmp_path: Path) -> None:
    made = Results(tmp_path)
    for label, noise in (("base", 0.4), ("ft", 0.1)):
        parts = [A.part(A.scores(noise, 1), "en"), B.part(B.scores(noise, 2), "de")]
        made.put(f"local/{label}", "M", *parts)
    of = suite(task("M", subsets=("en", "de")))
    row = only(compared(made, "ft", of=of))
    gaps = {name: each.estimate.difference for name, each in row.by_subset.items()}
    assert list(gaps) == ["M en/test", "M de/test"]
    assert row.by_task["M"].estimate.difference == pytest.approx(np.mean(list(gaps.values())))
    shown = text(ComparisonTable(side(made, "base"), of, How(), (row,)), by="subset")
    assert "M de/test" in shown


def test_a_model_compared_with_itself_says_so(results: Results) -> None:
    found = compare(side(results, "base"), [side(results, "base", label="twin")], BOTH, How())
    row = only(found)
    assert row.pairing.same
    assert row.verdict is not None
    assert (row.verdict.estimate.difference, row.verdict.p, row.verdict.word) == (
        0,
        1,
        "no verdict",
    )
    assert "twin is base: the same weights under the same settings." in text(found)


def test_differing_settings_are_refused_unless_allowed(results: Results) -> None:
    prompted = MEAN.with_changes(pooling="cls", prompts={"default": "query: {text}"})
    for name, pairs in (("A", A), ("B", B)):
        results.put("local/other", name, pairs.part(pairs.scores(0.2, 1)), settings=prompted)
    with pytest.raises(UsageError, match=r"pooling cls, base mean; prompts 'query: \{text\}'"):
        compared(results, "other", "good")
    shown = text(compared(results, "other", allow_different=True))
    assert shown.startswith("! other: pooling cls, base mean")
    assert shown.index("--allow-different") < shown.index("mean of 2")


def test_settings_of_another_library_are_its_own(results: Results) -> None:
    for label, loader in (("theirs", "sentence-transformers"), ("mtebs", "mteb")):
        for name, pairs in (("A", A), ("B", B)):
            folder = results.put(f"local/{label}", name, pairs.part(pairs.scores(0.2, 1)))
            record = json.loads(folder.record(name).read_text())
            record["model"] |= {"loader": loader, "settings": None}
            write_json(folder.record(name), record)
    with pytest.raises(UsageError, match="computed by mteb with settings of its own"):
        compared(results, "mtebs")
    shown = text(compared(results, "theirs", allow_different=True)).splitlines()[0]
    assert shown.startswith("! theirs: computed by sentence-transformers with settings of its own;")


def test_normalising_changes_no_cosine(results: Results) -> None:
    for name, pairs in (("A", A), ("B", B)):
        settings = MEAN.with_changes(normalize=True)
        results.put("local/other", name, pairs.part(pairs.scores(0.2, 1)), settings=settings)
    assert only(compared(results, "other")).pairing.differing == []


def test_another_version_of_mteb_is_another_setting(results: Results) -> None:
    for name, pairs in (("A", A), ("B", B)):
        results.put("local/old", name, pairs.part(pairs.scores(0.2, 1)), mteb="2.1.0")
    with pytest.raises(UsageError, match=r"mteb 2.1.0, base 2.26.24"):
        compared(results, "old")


def test_other_data_leaves_a_task_out(results: Results) -> None:
    results.put("local/good", "B", B.part(B.scores(0.1, 1)), data="local-fedcba9876543210")
    row = only(compared(results, "good"))
    assert list(row.by_task) == ["A"]
    assert "other data" in row.pairing.left_out["B"]
    assert "mean of 1 of 2" in text(ComparisonTable(side(results, "base"), BOTH, How(), (row,)))


@pytest.mark.parametrize("order", ["reversed", "changed"])
def test_other_pairs_or_another_order_are_refused(results: Results, order: str) -> None:
    part = A.part(A.scores(0.1, 1))
    texts = part.text1[::-1] if order == "reversed" else ["new", *part.text1[1:]]
    results.put("local/good", "A", type(part)("default", "test", texts, *_rest(part)))
    with pytest.raises(ResultsError, match="other items of A"):
        compared(results, "good")


def _rest(part: object) -> tuple[object, ...]:
    return tuple(getattr(part, name) for name in ("text2", "gold", "score"))


def test_predictions_that_are_not_the_scores_are_left_out(results: Results) -> None:
    folder = ModelFolder(results.root, "local/good", results.model("good").revision)
    results.result(folder, "A", {("test", "default"): 0.1}, "local-0123456789abcdef")
    row = only(compared(results, "good"))
    assert "its predictions give" in row.pairing.left_out["A"]


def test_a_constant_score_is_left_out(results: Results) -> None:
    folder = results.put("local/flat", "A", A.part(np.ones(120)))
    results.result(folder, "A", {("test", "default"): 0.0}, "local-0123456789abcdef")
    row = only(compared(results, "flat", of=suite(task("A"))))
    assert "its predictions give nan" in row.pairing.left_out["A"]
    assert row.verdict is None


def test_missing_tasks_are_named(results: Results) -> None:
    results.model("good").folders[0].file("B").unlink()
    found = compared(results, "good", "bad")
    assert found.missing == {"good": ["B"]}
    rows = {row.label: row for row in found.rows}
    assert (list(rows["good"].by_task), list(rows["bad"].by_task)) == (["A"], ["A", "B"])
    assert "(mean of 1 of 2)" in text(found)  # not the others' mean
    assert found.model("good").name == "local/good"


def test_public_results_are_resampled_over_tasks(tmp_path: Path) -> None:
    made = Results(tmp_path)
    scores = {"base": [0.7, 0.8, 0.6], "ft": [0.72, 0.81, 0.63]}
    for label, values in scores.items():
        for name, score in zip("ABC", values, strict=True):
            made.result(
                ModelFolder(tmp_path, f"org/{label}", "r"), name, {("test", "default"): score}
            )
    of = suite(*map(task, "ABC"))
    found = compare(side(made, "org/base", label="base"), [side(made, "org/ft")], of, How())
    row = only(found)
    assert row.verdict is None
    assert found.unjudged == [row]
    assert row.pairing.over_tasks is not None
    assert row.pairing.over_tasks.difference == pytest.approx(0.02)
    assert row.pairing.over_tasks.agree == 1
    shown = text(found)
    assert "would another choice of tasks agree?" in shown
    assert "verdict" not in shown


def test_seeds_of_a_recipe(results: Results) -> None:
    names = []
    for seed in range(3):
        names.append(f"s{seed}")
        for name, pairs in (("A", A), ("B", B)):
            part = pairs.part(pairs.scores(0.1 + 0.02 * seed, 10 + seed))
            results.put(f"local/s{seed}", name, part)
    recipe = side(results, *names, label="recipe")
    found = compare(side(results, "base"), [recipe], BOTH, How())
    row = only(found)
    assert row.verdict is not None
    assert np.isfinite(row.verdict.estimate.degrees_of_freedom)
    each = [
        np.mean([spearman(A, 0.1 + 0.02 * s, 10 + s), spearman(B, 0.1 + 0.02 * s, 10 + s)])
        for s in range(3)
    ]
    base = np.mean([spearman(A, 0.3, 0), spearman(B, 0.3, 1)])
    assert row.verdict.estimate.difference == pytest.approx(np.mean(each) - base)
    assert row.verdict.estimate.standard_error >= np.std(each, ddof=1) / np.sqrt(3)
    assert (
        "This is about the recipe recipe (3 seeds); base has one seed and is taken to spread as "
        "the seeds of recipe."
    ) in text(found)
    fixed = replace(side(results, "base"), fixed=True)
    found = compare(fixed, [recipe], BOTH, How())
    assert "(3 seeds); base is one checkpoint." in text(found)
    assert (full := only(found).full) is not None
    assert full.estimate.standard_error < row.verdict.estimate.standard_error


def seen_results(tmp_path: Path) -> Results:
    """A checkpoint that has learned the first 40 pairs of A by heart and nothing else."""
    made, checkpoint = Results(tmp_path / "results"), tmp_path / "ft"
    checkpoint.mkdir()
    for name, pairs in (("A", A), ("B", B)):
        made.put("local/base", name, pairs.part(pairs.scores(0.3, 1)))
        scores = pairs.scores(0.3, 1)
        if name == "A":
            scores[:40] = pairs.gold[:40] / 5
        made.put("local/ft", name, pairs.part(scores), checkpoint=checkpoint)
    put_training(checkpoint, list(zip(A.text2[:40], A.text1[:40], strict=True)), [])
    return made


def test_seen_pairs_are_told_apart(tmp_path: Path) -> None:
    made = seen_results(tmp_path)
    row = only(compared(made, "ft", seen=True))
    assert row.seen is not None
    in_a, in_b = row.seen.tasks
    assert (in_a.items, in_b.seen, in_b.items) == (120, 0, 120)
    assert in_a.seen >= 40  # a pair may occur twice
    assert in_a.on_seen > 0.05
    assert in_a.on_unseen == pytest.approx(0, abs=0.02)
    assert np.isnan(in_b.on_seen)
    assert row.seen.concentrated
    assert row.headline_unseen
    assert row.verdict is not None
    assert row.full is not None
    assert row.verdict.estimate.difference == pytest.approx((in_a.on_unseen + in_b.on_unseen) / 2)
    assert row.full.estimate.difference > row.verdict.estimate.difference
    shown = text(ComparisonTable(side(made, "base"), BOTH, How(seen=True), (row,)))
    assert f"{in_a.seen} of 120 ({100 * in_a.seen / 120:.0f} %)" in shown
    assert "mean of 2, unseen pairs only:" in shown
    unseen = in_a.items + in_b.items - in_a.seen - in_b.seen
    assert f"2 tasks, {unseen} unseen items;" in shown
    assert "By task, on all pairs: " in shown
    assert "By task: " in text(compared(made, "ft"))
    assert "2 tasks, 240 items;" in text(compared(made, "ft"))
    assert "Gains are concentrated on pairs seen in training." in shown


def test_without_seen_a_note_says_that_there_is_overlap(tmp_path: Path) -> None:
    made = seen_results(tmp_path)
    found = compared(made, "ft")
    assert not only(found).headline_unseen
    assert "of these pairs are in the training data of ft; --seen reports" in text(found)


def test_training_data_is_attributed_to_whose_it_is(tmp_path: Path) -> None:
    """The untouched base stands second, and was trained on nothing."""
    made = seen_results(tmp_path)
    sides = [side(made, "ft"), side(made, "base")]
    for seen in (False, True):
        shown = text(compare(sides[0], sides[1:], BOTH, How(seen=seen)))
        assert "in the training data of ft" in shown
        assert "training data of base" not in shown


def test_few_seen_pairs_are_no_figure(tmp_path: Path) -> None:
    made, checkpoint = Results(tmp_path / "results"), tmp_path / "ft"
    checkpoint.mkdir()
    for label, noise in (("base", 0.3), ("ft", 0.2)):
        made.put(f"local/{label}", "A", A.part(A.scores(noise, 1)), checkpoint=checkpoint)
    put_training(checkpoint, list(zip(A.text1[:14], A.text2[:14], strict=True)), [])
    found = compared(made, "ft", of=suite(task("A")), seen=True)
    seen = only(found).seen
    assert seen is not None
    assert np.isnan(seen.tasks[0].on_seen)
    assert seen.contrast is None
    assert "fewer than 30" in text(found)


def test_every_candidate_has_a_sentence_and_significant_ones_stand_first(results: Results) -> None:
    for name, pairs in (("A", A), ("B", B)):
        results.put("local/close", name, pairs.part(pairs.scores(0.29, 7)))
    lines = sentences(compared(results, "close", "bad")).splitlines()
    assert lines[0].startswith("bad is worse than base on the mean of 2 STS tasks: ")
    assert lines[1].startswith(
        "The difference of close to base on the mean of 2 STS tasks is not significant (95 % CI "
    )
    assert "minimum detectable difference" in lines[1]
    assert lines[-1].startswith("Method: difference of the main score in points")
    assert len(lines) == 4


def test_verdicts_are_adjusted_over_candidates(results: Results) -> None:
    alone = only(compared(results, "good")).verdict
    together = compared(results, "good", "bad").rows
    assert alone is not None
    raw = [row.verdict.estimate.p for row in together if row.verdict]
    assert [row.verdict.p for row in together if row.verdict] == pytest.approx(holm(raw), abs=0)
    assert alone.p == pytest.approx(alone.estimate.p)
    assert min(row.verdict.p for row in together if row.verdict) == pytest.approx(
        2 * min(raw), abs=0
    )


def test_equivalence_is_adjusted_over_candidates(results: Results) -> None:
    margin = 0.05
    rows = compared(results, "good", "bad", margin=margin).rows
    found = [row.verdict for row in rows if row.verdict]
    raw = [one.estimate.p_equivalent(margin) for one in found]
    assert [one.p_equivalent for one in found] == pytest.approx(holm(raw), abs=0)
    assert holm(raw) != pytest.approx(raw, abs=0)


def test_a_copied_checkpoint_is_one_question_and_one_rank(results: Results) -> None:
    for copied, label in (("good", "copy"), ("base", "twin")):
        for seed, (name, pairs) in enumerate((("A", A), ("B", B))):
            part = pairs.part(pairs.scores({"good": 0.1, "base": 0.3}[copied], seed))
            revision = results.model(copied).revision
            results.put(f"local/{label}", name, part, revision=revision)
    alone = {row.label: row.verdict for row in compared(results, "good", "bad").rows}
    found = compared(results, "good", "copy", "bad", "twin")
    beside = {row.label: row.verdict for row in found.rows}
    assert (beside["good"], beside["bad"]) == (alone["good"], alone["bad"])
    assert beside["copy"] == alone["good"]
    assert found.warnings == ("good and copy are the same checkpoint",)
    assert "by Holm (1979) over 2 candidates" in text(found)
    labels = ["good", "copy", "base", "bad"]
    sides = [side(results, label) for label in labels]
    ranking = ranks(sides, BOTH, read_sides(sides, BOTH, []))
    assert ranking.intervals == dict(zip(labels, [(1, 1), (1, 1), (2, 2), (3, 3)], strict=True))


def test_too_few_sentences_have_no_verdict(tmp_path: Path) -> None:
    """One query with thirty documents: nothing is known of other queries."""
    made, odd = Results(tmp_path), Pairs("A", count=30)
    odd.text1 = ["how do I sort a list?"] * 30
    for label, noise in (("base", 0.3), ("ft", 0.9)):
        made.put(f"local/{label}", "A", odd.part(odd.scores(noise, 1)))
    found = compared(made, "ft", of=suite(task("A")))
    shown = text(found)
    assert "too few independent sentences (effective number 1.0)" in shown
    assert "No verdict on ft and base on A: " in shown
    assert "p < " not in shown
    assert found.unjudged == [only(found)]
    said = json.loads(json.dumps(as_json(found), allow_nan=False))["candidates"][0]["mean"]
    assert (said["verdict"], said["standard_error"]) == ("no verdict", None)
    assert said["effective_sentences"] == pytest.approx(1)
    assert 'class="dot"' in page(found)
    both = [side(made, "base"), side(made, "ft")]
    of = suite(task("A"))
    assert ranks(both, of, read_sides(both, of, [])).intervals == {"base": (1, 2), "ft": (1, 2)}


def test_no_record_of_training(results: Results) -> None:
    found = compared(results, "good", seen=True)
    assert not only(found).headline_unseen
    assert "good: neither it nor the base has a record of training data" in text(found)


def test_changes_are_those_of_rank_errors(results: Results) -> None:
    row = only(compared(results, "good"))
    table = changes(row.pairing)
    moved = table["moved"].to_numpy()
    assert table.num_rows == 240
    assert (np.diff(np.abs(moved)) <= 1e-12).all()
    assert moved.mean() < 0  # the better model ranks most pairs better
    first = table.to_pylist()[0]
    pairs = {"A": A, "B": B}[first["task"]]
    at, seed = first["index"], "AB".index(first["task"])
    errors = []
    for noise in (0.3, 0.1):
        scores = pairs.scores(noise, seed)
        rank = [100 * (np.mean(v < v[at]) + np.mean(v == v[at]) / 2) for v in (scores, pairs.gold)]
        errors.append(abs(rank[0] - rank[1]))
    assert first["moved"] == pytest.approx(errors[1] - errors[0])
    assert (first["text1"], first["gold"]) == (pairs.text1[at], pairs.gold[at])
    assert first["candidate_score"] == pytest.approx(pairs.scores(0.1, seed)[at])
    found = {(group.by, group.name): group for group in groups(table)}
    assert sum(group.pairs for (by, _), group in found.items() if by == "length") == 240
    assert found["subset", "A"].moved == pytest.approx(
        moved[np.array(table["task"].to_pylist()) == "A"].mean()
    )


def test_changes_as_a_file(results: Results, tmp_path: Path) -> None:
    place = tmp_path / "changes.parquet"
    changes_file(place, compared(results, "good", "bad"), 7).write(place)
    table = pq.read_table(place)
    assert table["candidate"].to_pylist() == ["good"] * 7 + ["bad"] * 7
    assert {"text1", "text2", "gold", "moved", "length"} <= set(table.column_names)


def test_a_page_holds_verdict_plot_and_changes(tmp_path: Path) -> None:
    made, odd = Results(tmp_path), Pairs("A")
    odd.text1[0] = "<script>alert('x')</script>"
    for label, noise in (("base", 0.3), ("<b>", 0.1)):
        made.put(f"local/{label}", "A", odd.part(odd.scores(noise, 1)))
    shown = page(compared(made, "<b>", of=suite(task("A"))), shown_changes=120)
    assert "&lt;b&gt; is better than base on A" in shown
    assert "&lt;script&gt;alert" in shown
    assert "<script>alert" not in shown
    assert shown.count('class="dot"') == 1
    assert shown.count("<tr>") > 120


def test_ranks_are_intervals(results: Results) -> None:
    """`twin` has the scores of base: the two cannot be told apart."""
    for name, pairs in (("A", A), ("B", B)):
        seed = "AB".index(name)
        results.put("local/twin", name, pairs.part(pairs.scores(0.3, seed)))
    results.put("local/part", "A", A.part(A.scores(0.2, 1)))
    results.put("local/else", "A", A.part(A.scores(0.2, 1)), data="local-0")
    results.put("local/else", "B", B.part(B.scores(0.2, 1)), data="local-0")
    names = ["bad", "base", "good", "twin", "part", "else"]
    sides = [side(results, name) for name in names]
    found = ranks(sides, BOTH, read_sides(sides, BOTH, []))
    assert found.intervals == {"bad": (4, 4), "base": (2, 3), "good": (1, 1), "twin": (2, 3)}
    assert ranks([], BOTH, {}).intervals == {}


def test_a_file_that_cannot_be_read_is_named(results: Results) -> None:
    place = results.model("good").folders[0].file("B")
    place.write_text("{", encoding="utf-8")
    (warning,) = compared(results, "good").warnings
    assert str(place) in warning


def pass_on(made: Results, *labels: str) -> None:
    """As results are passed on: hashes for texts, and what was trained on beside them."""
    for model in map(made.model, labels):
        for place in (folder := model.folders[0].path / SIDE).glob("*.parquet"):
            pq.write_table(without_texts(read_predictions(place)), place)
        if model.checkpoint is not None and model.checkpoint.is_dir():
            (model.checkpoint / FILE_NAME).rename(folder / FILE_NAME)


@pytest.mark.parametrize("passed_on", [("base", "ft"), ("ft",), ("base",)])
def test_hashes_of_texts_compare_as_texts_do(tmp_path: Path, passed_on: tuple[str, ...]) -> None:
    made = seen_results(tmp_path)
    whole = text(compared(made, "ft", seen=True), by="task")
    pass_on(made, *passed_on)
    assert text(compared(made, "ft", seen=True), by="task") == whole


def test_pairs_whose_texts_are_not_stored_are_not_listed(tmp_path: Path) -> None:
    made = seen_results(tmp_path)
    assert changes(only(compared(made, "ft")).pairing).num_rows == 240
    pass_on(made, "base", "ft")
    assert changes(only(compared(made, "ft")).pairing).num_rows == 0
    assert "no pairs of an STS task with their texts" in text(compared(made, "ft"), None, 3)
