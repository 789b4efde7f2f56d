"""Labels that differ, and rows that are unlike the others."""

from angle_bench.reporting.tables.labels import distinct, unlike
from angle_bench.reporting.tables.table import ScoreSource, TableRow
from tests.reporting.boards import row


def labelled(label: str, model: str, signature: str, **source: str) -> TableRow:
    return TableRow(label, (), signature, ScoreSource(source.pop("kind", "own"), model, **source))  # type: ignore[arg-type]


def labels(*rows: TableRow) -> list[str]:
    return [each.label for each in distinct(rows)]


def test_labels_that_differ_stay() -> None:
    assert labels(row("a", 0.1), row("b", 0.1)) == ["a", "b"]


def test_two_organisations_are_told_apart_by_full_name() -> None:
    rows = [labelled("m", "one/m", "model:one/m"), labelled("m", "two/m", "model:two/m")]
    assert labels(*rows) == ["one/m", "two/m"]


def test_ours_and_mtebs_results_of_one_model() -> None:
    ours = labelled("m", "o/m", "model:o/m|rev:1|pool:cls")
    mtebs = labelled("m", "o/m", "model:o/m|rev:1|settings:unrecorded", kind="public")
    assert labels(ours, mtebs) == ["m", "m (by mteb)"]


def test_variants_are_told_apart_by_what_differs() -> None:
    base = "model:o/m|rev:1|pool:cls|layer:{}|size:{}|mteb:{}|suite:S|data:hub"
    rows = [
        labelled("m", "o/m", base.format(layer, size, mteb))
        for layer, size, mteb in (("last", "full", 2), ("2", "full", 3), ("2", "64", 2))
    ]
    assert labels(*rows) == [
        "m (layer last, size full)",
        "m (layer 2, size full)",
        "m (layer 2, size 64)",
    ]


def test_an_overwritten_checkpoint_has_two_rows() -> None:
    rows = [labelled("ft", "local/ft", f"model:local/ft|rev:{rev}") for rev in ("aa", "bb")]
    assert labels(*rows) == ["ft (rev aa)", "ft (rev bb)"]


def test_what_nothing_tells_apart_is_numbered() -> None:
    assert labels(*[labelled("m", "o/m", "model:o/m")] * 3) == ["m", "m (2)", "m (3)"]


def test_pooling_prompts_and_length_are_the_models_own() -> None:
    rows = [
        labelled("a", "o/a", "model:o/a|pool:cls|prompts:none|max:512|dtype:float32|mteb:2.1"),
        labelled("b", "o/b", "model:o/b|pool:mean|prompts:ab12|max:128|dtype:float32|mteb:2.1"),
    ]
    assert unlike(rows) == {}


def test_another_dtype_or_mteb_is_named() -> None:
    rows = [
        labelled("a", "o/a", "model:o/a|dtype:float32|mteb:2.1"),
        labelled("b", "o/b", "model:o/b|dtype:bfloat16|mteb:2.1"),
        labelled("c", "o/c", "model:o/c|dtype:float32|mteb:2.2|compile:True"),
        labelled("d", "o/d", "model:o/d|dtype:float32|mteb:2.1"),
        labelled("mtebs", "o/e", "model:o/e|settings:unrecorded|mteb:1.0", kind="public"),
    ]
    assert unlike(rows) == {
        "b": "dtype bfloat16, not float32",
        "c": "compile True, not none; mteb 2.2, not 2.1",
    }


def test_a_dtype_that_nobody_knows_is_not_the_usual_one() -> None:
    rows = [
        labelled("a", "o/a", "model:o/a|dtype:float32|mteb:2.1"),
        labelled("b", "o/b", "model:o/b|dtype:bfloat16|mteb:2.1"),
        labelled("c", "o/c", "model:o/c|dtype:float32|mteb:2.1"),
        labelled("static", "o/d", "model:o/d|settings:sentence-transformers|mteb:2.1"),
        labelled("served", "o/e", "model:o/e|settings:endpoint|mteb:2.1"),
        labelled("mtebs", "o/f", "model:o/f|settings:mteb|mteb:2.2"),
    ]
    assert unlike(rows) == {"b": "dtype bfloat16, not float32", "mtebs": "mteb 2.2, not 2.1"}


def test_a_checkpoint_chosen_by_a_test_split_is_named_always() -> None:
    rows = [labelled("a", "o/a", "model:o/a|dtype:float32|selected on:STSBenchmark test|mteb:2.1")]
    assert unlike(rows) == {"a": "checkpoint selected on STSBenchmark test"}


def test_settings_other_than_the_models_own_are_named() -> None:
    made = labelled("a", "o/a", "model:o/a", settings="settings_0a1b2c3d")
    assert unlike([made]) == {"a": "settings 0a1b2c3d, typed for the run"}
    plain = labelled("m", "o/a", "model:o/a|pool:cls|layer:last|mteb:2")
    made = labelled("a", "o/a", "model:o/a|pool:cls|layer:3|mteb:2", settings="settings_0a1b2c3d")
    assert unlike([plain, made]) == {"a": "layer 3, not last"}
