"""`angle-bench run` on files as people have them: what is not read is counted and named."""

import json
from pathlib import Path

import pytest

from tests.checkpoints import sts_rows
from tests.conftest import Cli

pytestmark = pytest.mark.process

Row = dict[str, object]


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def define(folder: Path, **tasks: Row) -> None:
    """`[[task]]`s in the project's file."""
    lines = []
    for name, settings in tasks.items():
        lines += ["[[task]]", f'name = "{name}"']
        lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    (folder / "angle-bench.toml").write_text("\n".join(lines) + "\n")


def written(name: str, folder: str = "") -> Row:
    """A file of the model's one folder."""
    (beside,) = Path("results").rglob("model_meta.json")
    found: Row = json.loads((beside.parent / folder / f"{name}.json").read_text())
    return found


def record(name: str) -> Row:
    return written(name, ".angle-bench")


def parts(name: str) -> object:
    return written(name)["scores"]


def test_lone_quotes_of_a_tsv_swallow_no_row(
    cli: Cli, tiny_bert: Path, project: Path, shared: Path
) -> None:
    files = shared / "cases/files"
    define(
        project,
        tabs={"type": "STS", "path": str(files / "quotes-swallow-rows.tsv")},
        meant={"type": "STS", "path": str(files / "quotes-swallow-rows.meant.jsonl")},
    )
    ended = cli("run", "-m", tiny_bert, "--pooling", "mean", "-t", "tabs,meant")
    assert ended.code == 0, ended.err
    assert parts("tabs") == parts("meant")
    assert record("tabs")["counts"] == {"samples": 30, "predictions": 30}


def test_queries_without_positives_or_negatives_are_left_out_as_mteb_leaves_them_out(
    cli: Cli, tiny_bert: Path, project: Path, shared: Path
) -> None:
    place = shared / "cases/files/reranking-empty-negative.jsonl"
    rows = [json.loads(line) for line in place.read_text().splitlines()]
    whole = [row for row in rows if row["positive"] and row["negative"]]
    assert 0 < len(whole) < len(rows)
    (project / "whole.jsonl").write_text("".join(json.dumps(row) + "\n" for row in whole))
    define(
        project,
        some={"type": "Reranking", "path": str(place)},
        whole={"type": "Reranking", "path": "whole.jsonl"},
    )
    ended = cli("run", "-m", tiny_bert, "--pooling", "mean", "-t", "some,whole")
    assert ended.code == 0, ended.err
    assert parts("some") == parts("whole")


def test_bad_rows_and_unused_columns_are_in_the_plan_and_the_record(
    cli: Cli, tiny_bert: Path, project: Path
) -> None:
    header, rows = "sentence1,sentence2,score,note", sts_rows()
    lines = [f'"{row["sentence1"]}","{row["sentence2"]}",{n},x' for n, row in enumerate(rows)]
    (project / "pairs.csv").write_text("\n".join([header, *lines, "one,two", "a,b,3,c,d"]) + "\n")
    define(project, faq={"type": "STS", "path": "pairs.csv", "skip_bad_rows": True})
    words = ("run", "-m", tiny_bert, "--pooling", "mean", "-t", "faq")
    planned = cli(*words, "-n")
    skipped = f"2 bad rows skipped: line {len(rows) + 2} has 2 cells"
    assert skipped in planned.out
    assert "faq: not used: note" in planned.out
    ((task,),) = (each["tasks"] for each in json.loads(cli(*words, "-n", "--json").out))
    assert (task["texts"], task["unused_columns"]) == (2 * len(rows), ["note"])
    assert [skipped in line for line in task["skipped"]] == [True]
    ended = cli(*words)
    assert ended.code == 0, ended.err
    assert skipped in ended.err
    data = record("faq")["data"]
    assert isinstance(data, dict)
    assert (data["bad_rows"], data["unused_columns"]) == (2, ["note"])


def test_unused_columns_of_each_part_of_retrieval(cli: Cli, tiny_bert: Path, project: Path) -> None:
    (project / "corpus.jsonl").write_text(
        "".join(json.dumps({"_id": f"d{n}", "text": f"cat {n}", "url": "u"}) + "\n" for n in (1, 2))
    )
    (project / "queries.csv").write_text("id,text\nq1,a cat\n")
    (project / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\twho\nq1\td1\t1\tme\n")
    paths = {
        part: f"{part}.{kind}"
        for part, kind in (("corpus", "jsonl"), ("queries", "csv"), ("qrels", "tsv"))
    }
    written = ", ".join(f'{part} = "{path}"' for part, path in paths.items())
    (project / "angle-bench.toml").write_text(
        f'[[task]]\nname = "found"\ntype = "Retrieval"\npath = {{{written}}}\n'
    )
    said = cli("run", "-m", tiny_bert, "--pooling", "mean", "-t", "found", "-n", "--json")
    ((task,),) = (each["tasks"] for each in json.loads(said.out))
    assert task["unused_columns"] == ["corpus.url", "qrels.who"]
