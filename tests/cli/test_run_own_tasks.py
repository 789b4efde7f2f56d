"""`angle-bench run` on own tasks: every type that docs/tasks.md shows, and what supersedes."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

import angle_bench
from angle_bench.results.training_record import TrainingRecord
from angle_bench.results.training_texts import FILE_NAME
from tests.checkpoints import build_tiny_bert
from tests.conftest import Cli
from tests.own_data import faq, labelled, write_documented_data, write_table

pytestmark = pytest.mark.process

PAGE = Path(__file__).resolve().parents[2] / "docs/tasks.md"
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
TASKS = "\n".join(block for block in BLOCKS if block.startswith("[[task]]"))
NAMES = re.findall(r'^name = "(.*)"$', TASKS, re.MULTILINE)
(SUITE,) = [block for block in BLOCKS if block.startswith("name")]


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The documented tasks with made data, in the working folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    write_documented_data(tmp_path)
    (tmp_path / "angle-bench.toml").write_text(TASKS)
    return tmp_path


def model_folder() -> Path:
    (found,) = (place.parent for place in Path("results").glob("*/*/model_meta.json"))
    return found


def result(name: str) -> dict[str, object]:
    scores = json.loads((model_folder() / f"{name}.json").read_text())["scores"]
    found: dict[str, object] = scores["test"][0]
    return found


def cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.einsum("ij,ij->i", first, second) / norms


def test_a_dry_run_counts_pairs_and_names_what_has_no_size(cli: Cli, tiny_bert: Path) -> None:
    words = ("run", "-m", tiny_bert, "--pooling", "mean", "-n")
    ended = cli(*words, "-t", "faq", "--json")
    ((task,),) = (told["tasks"] for told in json.loads(ended.out))
    assert task["texts"] == 2 * len(faq())
    assert "tokens before repeated texts" in cli(*words, "-t", "faq").out
    unknown = "topics"  # a clustering
    said = cli(*words, "-t", f"faq,{unknown}").out
    assert f"how long it takes is not known, as the size of {unknown} is not" in said


@pytest.mark.long
def test_every_documented_type_runs_is_right_and_is_kept(
    cli: Cli, tiny_bert: Path, project: Path
) -> None:
    assert len(NAMES) == 8
    words = ("run", "-m", tiny_bert, "-t", ",".join(NAMES), "--pooling", "mean", "--save-spec")
    ended = cli(*words)
    assert ended.code == 0, ended.err
    assert ended.out.split()[: len(NAMES)] == NAMES
    assert "?" not in ended.out
    assert "data:file" in ended.out

    # the file now holds a model beside the tasks, and both are found
    again = cli("run", "-m", "tiny-bert", "-t", ",".join(NAMES))
    assert again.code == 0, again.err
    assert again.out == ended.out
    assert "all stored before" in again.err

    encoder = angle_bench.load("tiny-bert")
    rows = faq()
    scored = cosine(
        *(encoder.encode([row[name] for row in rows]) for name in ("question", "answer"))
    )
    expected = spearmanr(scored, [row["rating"] for row in rows]).statistic
    assert result("faq")["main_score"] == pytest.approx(expected, abs=1e-6)

    train, test = labelled(80, 2), labelled(30, 3)
    model = LogisticRegression(max_iter=1000)
    model.fit(encoder.encode([row["text"] for row in train]), [row["label"] for row in train])
    said = model.predict(encoder.encode([row["text"] for row in test]))
    right = np.mean([a == row["label"] for a, row in zip(said, test, strict=True)])
    assert result("intents-all")["main_score"] == pytest.approx(right)
    assert set(result("intents-all")["f1_by_label"]) == {"buy", "sell"}  # type: ignore[call-overload]

    kept = pq.read_table(model_folder() / ".angle-bench/intents-all.parquet").to_pylist()
    assert [row["predicted"] for row in kept] == list(said)
    assert [(row["text"], row["gold"]) for row in kept] == [tuple(row.values()) for row in test]

    counts = {
        name: json.loads((model_folder() / f".angle-bench/{name}.json").read_text())["counts"]
        for name in NAMES
    }
    samples = {name: count["samples"] for name, count in counts.items()}
    assert samples == {
        **{"faq": 25, "duplicates": 20, "intents": 30, "intents-all": 30, "stance": 40},
        **{"topics": 40, "answers": 8 + 32, "manual": 30 + 5},
    }

    # every pair is predicted once, in one of three folds
    stance = pq.read_table(model_folder() / ".angle-bench/stance.parquet").to_pylist()
    assert sorted(row["index"] for row in stance) == list(range(40))
    assert {row["experiment"] for row in stance} == {0, 1, 2}
    assert all(row["text"].count("\n") == 1 for row in stance)
    folds = [
        [r["gold"] == r["predicted"] for r in stance if r["experiment"] == n] for n in range(3)
    ]
    mean = np.mean([np.mean(fold) for fold in folds])
    assert result("stance")["main_score"] == pytest.approx(mean)


@pytest.mark.long
def test_other_rows_or_another_definition_supersede(
    cli: Cli, tiny_bert: Path, project: Path
) -> None:
    words = ("run", "-m", tiny_bert, "-t", "faq")
    assert cli(*words).code == 0
    first = (model_folder() / "faq.json").read_bytes()
    write_table(project / "data/faq.csv", faq(seed=9))
    ended = cli(*words)
    assert ended.code == 0
    assert "faq is computed again: stored for data local-" in ended.err
    shelf = model_folder() / ".angle-bench/superseded"
    assert [place.read_bytes() for place in shelf.glob("*/faq.json")] == [first]

    turned = TASKS.replace(
        'sentence1 = "question", sentence2 = "answer"',
        'sentence1 = "answer", sentence2 = "question"',
    )
    (project / "angle-bench.toml").write_text(turned)
    ended = cli(*words)
    assert "faq is computed again: stored under another definition of the task" in ended.err
    assert "all stored before" in cli(*words).err


def test_a_suite_file_of_known_and_own_tasks(cli: Cli, tiny_bert: Path, project: Path) -> None:
    (project / "suites").mkdir()
    (project / "suites/ours.toml").write_text(SUITE.replace('"data/', '"../data/'))
    for subset in ("en-en", "es-en"):
        rows = [
            {"sentence1": r["question"], "sentence2": r["answer"], "score": r["rating"] / 20}
            for r in faq()
        ]
        write_table(project / f"mirror/mteb/sts17-crosslingual-sts/{subset}/test.jsonl", rows)
    ended = cli("run", "-m", tiny_bert, "-t", "suites/ours.toml", "--mirror", "mirror")
    assert ended.code == 0, ended.err
    assert ended.out.split()[:2] == ["STS17", "faq-2"]
    assert "suite:ours/1" in ended.out


@pytest.mark.long
def test_pairs_that_are_classified_are_told_from_training_texts(
    cli: Cli, tiny_bert: Path, project: Path
) -> None:
    texts = [row["text"] for row in labelled(80, 8)]
    rows = [
        {"sentence1": a, "sentence2": b, "label": number % 2}
        for number, (a, b) in enumerate(zip(texts[:40], texts[40:], strict=True))
    ]
    write_table(project / "same.jsonl", rows)
    (project / "angle-bench.toml").write_text(
        '[[task]]\nname = "same"\ntype = "classification"\npath = "same.jsonl"\n'
        'splits = ["train"]\nprotocol = "transfer"\nfolds = 2\n'
        'columns = {sentence1 = "sentence1", sentence2 = "sentence2"}\n'
    )
    tuned = shutil.copytree(tiny_bert, project / "tuned")
    build_tiny_bert(tuned, seed=1)
    record = TrainingRecord()
    for row in rows[:10]:
        record.pair(str(row["sentence2"]), str(row["sentence1"]))
    record.write(tuned / FILE_NAME)
    assert cli("run", "-m", f"base={tiny_bert}", "-m", "tuned", "-t", "same").code == 0
    ended = cli("compare", "base", "tuned", "-t", "same", "--seen", "--json")
    assert ended.code == 0, ended.err
    (candidate,) = json.loads(ended.out)["candidates"]
    assert [(task["seen"], task["items"]) for task in candidate["seen"]["tasks"]] == [(10, 40)]


def test_a_hub_data_set_from_the_mirror(cli: Cli, tiny_bert: Path, project: Path) -> None:
    write_table(project / "mirror/me/reviews/de/train.parquet", labelled(40, 6))
    write_table(project / "mirror/me/reviews/de/test.parquet", labelled(20, 7))
    (project / "angle-bench.toml").write_text(
        '[[task]]\nname = "reviews"\ntype = "classification"\ndataset = "me/reviews"\n'
        'subsets = ["de"]\nprotocol = "transfer"\nfolds = 3\nlanguage = "deu-Latn"\n'
    )
    ended = cli("run", "-m", tiny_bert, "-t", "reviews", "--mirror", "mirror")
    assert ended.code == 0, ended.err
    assert (result("reviews")["hf_subset"], result("reviews")["languages"]) == ("de", ["deu-Latn"])
    without = cli("run", "-m", tiny_bert, "-t", "reviews", "--overwrite")
    assert without.code == 1
    assert "no commit of me/reviews is named" in without.errors[0]
    assert "DIR/me/reviews/de/test.parquet, DIR/me/reviews/de/train.parquet" in without.errors[1]


def test_a_retrieval_data_set_that_is_laid_out_as_mteb_s(
    cli: Cli, tiny_bert: Path, project: Path
) -> None:
    texts = [row["answer"] for row in faq()]
    folder = project / "mirror/me/manual"
    write_table(
        folder / "corpus/corpus.jsonl",
        [{"_id": f"d{n}", "text": t, "title": ""} for n, t in enumerate(texts)],
    )
    write_table(folder / "queries/queries.jsonl", [{"_id": "q0", "text": texts[3]}])
    write_table(folder / "default/test.jsonl", [{"query-id": "q0", "corpus-id": "d3", "score": 1}])
    (project / "angle-bench.toml").write_text(
        '[[task]]\nname = "pages"\ntype = "retrieval"\ndataset = "me/manual"\n'
    )
    ended = cli("run", "-m", tiny_bert, "-t", "pages", "--mirror", "mirror")
    assert ended.code == 0, ended.err
    assert result("pages")["main_score"] == pytest.approx(1)


def test_mteb_reads_a_folder_with_own_tasks(cli: Cli, tiny_bert: Path, project: Path) -> None:
    import mteb

    assert cli("run", "-m", tiny_bert, "-t", "faq,duplicates").code == 0
    (model,) = mteb.ResultCache(project).load_results().model_results
    assert {found.task_name for found in model.task_results} == {"faq", "duplicates"}


def test_a_failing_own_task_is_two_lines_and_the_others_run(
    cli: Cli, tiny_bert: Path, project: Path
) -> None:
    (project / "data/faq.csv").unlink()
    ended = cli("run", "-m", tiny_bert, "-t", "faq,duplicates")
    assert ended.code == 1
    assert "1 of 2" in ended.out
    assert f"there is no file {project / 'data/faq.csv'} for faq" in ended.errors[0]
    assert "relative to the TOML file" in ended.errors[1]


@pytest.mark.long
def test_prompts_go_by_type(cli: Cli, tiny_bert: Path, project: Path) -> None:
    words = ("-m", tiny_bert, "-t", "manual,faq", "--pooling", "mean", "--save-spec")
    assert cli("run", *words).code == 0
    with (project / "angle-bench.toml").open("a") as opened:
        opened.write('[model.prompts.type.Retrieval]\nquery = "big {text}"\n')
    ended = cli("run", "-m", "tiny-bert", "-t", "manual,faq", "--overwrite")
    assert ended.code == 0, ended.err
    side = model_folder() / ".angle-bench"
    used = [
        json.loads((side / f"{name}.json").read_text())["prompts"] for name in ("manual", "faq")
    ]
    assert used == [{"query": "big {text}", "document": ""}, {"text": ""}]
