"""Cross-encoders, sparse and multi-vector encoders: scores are mteb's, what they lack is said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mteb
import pytest

import angle_bench
from angle_bench.api.calling.run_plan import Question, planned
from angle_bench.checkpoints.resolve import resolve
from angle_bench.errors import ModelError, UsageError
from angle_bench.evaluation.run.scorable import RERANKED, SEARCHED, scorable
from angle_bench.suites.catalogue import catalogue
from tests.checkpoints import sts_rows, write_rows
from tests.mirrors import retrieval, task_of
from tests.other_kinds import KINDS, classifier

RERANKING, RETRIEVAL, STS = "AskUbuntuDupQuestions", "NFCorpus", "STSBenchmark"
KIND_OF = {
    "classifier": "cross-encoder",
    "cross_encoder": "cross-encoder",
    "sparse": "sparse encoder",
    "multi_vector": "multi-vector encoder",
}
CLASSES = {
    "classifier": "CrossEncoder",
    "cross_encoder": "CrossEncoder",
    "sparse": "SparseEncoder",
    "multi_vector": "MultiVectorEncoder",
}
TYPES = {"cross-encoder": "cross-encoder", "sparse encoder": "sparse"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a name, built when it is first asked for."""
    root = tmp_path_factory.mktemp("kinds")

    def build(name: str) -> Path:
        folder = root / name
        return folder if folder.is_dir() else KINDS[name](folder)

    return build


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    retrieval(folder / task_of(RERANKING).dataset, candidates=9, queries=10, documents=40)
    retrieval(folder / task_of(RETRIEVAL).dataset, queries=8, documents=150)
    write_rows(folder / task_of(STS).dataset / "test.jsonl", sts_rows(20))
    return folder


def theirs(name: str, folder: Path) -> Any:
    """The model as sentence-transformers loads it; mteb puts its wrapper around it."""
    import sentence_transformers

    return getattr(sentence_transformers, CLASSES[name])(
        str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": "float32"}
    )


def loaded(name: str, mirror: Path) -> Any:
    """A task of mteb with the rows of the mirror."""
    from angle_bench.evaluation.scoring.score import prepare
    from angle_bench.evaluation.task_data import locate

    return prepare(task_of(name), locate(task_of(name), mirror)).mteb_task


def scores_of_mteb(model: Any, task: Any) -> dict[str, float]:
    result = mteb.evaluate(
        model, task, cache=None, show_progress_bar=False, overwrite_strategy="always"
    )
    (row,) = (row for split in result.task_results[0].scores.values() for row in split)
    return {key: value for key, value in row.items() if isinstance(value, float)}


def stored(run: Any, task: str, at: int = 0) -> dict[str, float]:
    raw = run.outcomes[at].answers[task].raw
    (row,) = (row for split in raw["scores"].values() for row in split)
    return {key: value for key, value in row.items() if isinstance(value, float)}


CASES = [
    ("classifier", RERANKING),
    ("cross_encoder", RERANKING),
    ("sparse", RERANKING),
    ("sparse", RETRIEVAL),
    ("sparse", STS),
    ("multi_vector", RERANKING),
    ("multi_vector", RETRIEVAL),
]


@pytest.mark.filterwarnings("ignore:.* is a .*:UserWarning")
@pytest.mark.parametrize(("name", "task"), CASES)
def test_scores_are_those_of_mteb(built, mirror: Path, tmp_path: Path, name: str, task: str):
    folder = built(name)
    run = angle_bench.run(
        str(folder), task, mirror=mirror, results=tmp_path, device="cpu", progress=False
    )
    assert not run.failures
    found, want = stored(run, task), scores_of_mteb(theirs(name, folder), loaded(task, mirror))
    assert found.keys() == want.keys()
    assert any(0 < value < 1 for value in found.values())
    for key, value in want.items():
        assert found[key] == pytest.approx(value, abs=1e-5, nan_ok=True), key


@pytest.mark.filterwarnings("ignore:.* is a .*:UserWarning")
@pytest.mark.parametrize("name", KINDS)
def test_it_is_stored_as_every_model_is(built, mirror: Path, tmp_path: Path, name: str):
    folder = built(name)
    spec = resolve(str(folder))
    assert (spec.kind, spec.loader) == (KIND_OF[name], "sentence-transformers")
    assert spec.revision.startswith("sha256-")

    def run(**given: Any) -> Any:
        return angle_bench.run(
            f"one={folder}", RERANKING, mirror=mirror, results=tmp_path, progress=False, **given
        )

    (outcome,) = run().outcomes
    record = json.loads(outcome.folder.record(RERANKING).read_text())
    assert record["model"]["kind"] == KIND_OF[name]
    assert record["model"]["revision"] == outcome.folder.revision == spec.revision
    assert outcome.folder.predictions(RERANKING).is_file()
    assert outcome.folder.ranked(RERANKING).is_file()
    assert run().outcomes[0].kept == [RERANKING]
    assert run(overwrite=True).outcomes[0].scored == [RERANKING]
    board = angle_bench.leaderboard(tmp_path, tasks=RERANKING)
    assert "one" in str(board.to_markdown())
    meta = json.loads(outcome.folder.meta.read_text())
    assert meta["name"] == f"local/{name}"
    assert meta["model_type"] == [TYPES.get(spec.kind, "late-interaction")]


@pytest.mark.filterwarnings("ignore:.* is a .*:UserWarning")
def test_verdicts_and_a_table_over_kinds(built, mirror: Path, tmp_path: Path):
    models = [f"sparse={built('sparse')}", f"ce={built('classifier')}"]
    run = angle_bench.run(models, RERANKING, mirror=mirror, results=tmp_path, progress=False)
    found = angle_bench.compare("sparse", "ce", tasks=RERANKING, results=tmp_path)
    (row,) = found.to_dataframe().query("level == 'task'").to_dict("records")
    scores = [stored(run, RERANKING, at)["main_score"] for at in (0, 1)]
    assert row["difference"] == pytest.approx(100 * (scores[1] - scores[0]), abs=2e-3)
    assert row["low"] < row["difference"] < row["high"]
    board = angle_bench.leaderboard(tmp_path, tasks=RERANKING)
    assert sorted(board.labels) == ["ce", "sparse"]


@pytest.mark.filterwarnings("ignore:.* is a .*:UserWarning")
def test_tasks_without_a_protocol_are_left_out_by_name(built, mirror: Path, tmp_path: Path):
    tasks = f"{STS},{RERANKING},{RETRIEVAL}"
    with pytest.warns(UserWarning, match=rf"2 of 3 tasks left out: {STS}, {RETRIEVAL}"):
        run = angle_bench.run(
            str(built("classifier")), tasks, mirror=mirror, results=tmp_path, progress=False
        )
    assert not run.failures
    assert list(run.outcomes[0].answers) == [RERANKING]
    many = planned(Question([str(built("multi_vector"))], [tasks], results=tmp_path))
    assert [task.name for task in many.jobs[0].suite.task] == [RERANKING, RETRIEVAL]
    sparse = planned(Question([str(built("sparse"))], [tasks], results=tmp_path))
    assert len(sparse.jobs[0].suite.task) == 3
    assert not sparse.said


@pytest.mark.parametrize(
    ("name", "tasks", "fix"),
    [
        ("classifier", STS, "another reranking task"),
        ("classifier", f"{STS},{RETRIEVAL}", f"-t {RETRIEVAL} --first-stage MODEL"),
        ("multi_vector", STS, "another reranking task"),
    ],
)
def test_where_no_task_is_left_it_is_refused(
    built, tmp_path: Path, name: str, tasks: str, fix: str
) -> None:
    with pytest.raises(UsageError, match=f"none of these tasks: {STS}") as caught:
        angle_bench.run(str(built(name)), tasks, results=tmp_path)
    assert fix in caught.value.fix
    assert not list(tmp_path.iterdir())


def test_types_are_those_whose_class_mteb_lets_search(built) -> None:
    """For every task of the catalogue, mteb's class of it says the same."""
    from mteb.get_tasks import _TASKS_REGISTRY

    one_of_type: dict[str, str] = {}
    for name, said in catalogue()["tasks"].items():
        if not said.get("parts"):  # an aggregate is computed from its parts
            one_of_type[said["type"]] = name
            searched = said["type"] in RERANKED | SEARCHED
            assert _TASKS_REGISTRY[name]._support_search == searched, name
            assert _TASKS_REGISTRY[name]._support_cross_encoder == searched, name
    assert len(one_of_type) > 9
    cross, many, sparse = (
        resolve(str(built(name))) for name in ("classifier", "multi_vector", "sparse")
    )
    for kind, name in one_of_type.items():
        task = task_of(name)
        assert scorable(cross, task) == (kind in RERANKED)
        assert scorable(many, task) == (kind in RERANKED | SEARCHED)
        assert scorable(sparse, task)


def changed(folder: Path, file: str, **keys: Any) -> Path:
    place = folder / file
    place.write_text(json.dumps(json.loads(place.read_text()) | keys))
    return folder


def test_what_a_folder_says_it_is(tmp_path: Path, built) -> None:
    assert resolve(str(classifier(tmp_path / "three", labels=3))).kind == "encoder"
    odd = tmp_path / "odd"
    KINDS["cross_encoder"](odd)
    with pytest.raises(ModelError, match=r"is a Reranker \(model_type\)"):
        resolve(str(changed(odd, "config_sentence_transformers.json", model_type="Reranker")))


def test_a_cross_encoder_of_several_labels_is_refused(tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    plain = classifier(tmp_path / "plain", labels=3)
    CrossEncoder(str(plain), device="cpu").save_pretrained(str(tmp_path / "ce"))
    with pytest.raises(ModelError, match="cross-encoder of 3 labels"):
        resolve(str(tmp_path / "ce"))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_head_that_no_file_holds_is_refused(tmp_path: Path, mirror: Path) -> None:
    """transformers draws it at random, with a notice that nobody sees."""
    from safetensors.torch import load_file, save_file

    folder = classifier(tmp_path / "headless")
    place = folder / "model.safetensors"
    kept = {key: value for key, value in load_file(place).items() if "classifier" not in key}
    save_file(kept, place, metadata={"format": "pt"})
    run = angle_bench.run(
        str(folder), RERANKING, mirror=mirror, results=tmp_path / "r", progress=False
    )
    assert "lack the head of a cross-encoder, such as classifier" in str(run.failures)


EVIL = {"config.json": {"sbert_ce_default_activation_function": "evil.Scores"}}


def test_no_function_of_its_makers_is_left_out_without_a_word(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "evil")
    with pytest.raises(ModelError, match=r"the function evil\.Scores"):
        resolve(str(changed(folder, "config.json", **EVIL["config.json"])))


@pytest.mark.parametrize("name", ["classifier", "sparse", "multi_vector"])
def test_where_a_vector_is_asked_for_it_is_refused(built, tmp_path: Path, name: str) -> None:
    folder = str(built(name))
    with pytest.raises(ModelError, match=f"is a {KIND_OF[name]}, which does not give one dense"):
        angle_bench.load(folder, device="cpu:1")
    texts = tmp_path / "texts.txt"
    texts.write_text("a\n")
    with pytest.raises(ModelError, match="does not give one dense"):
        angle_bench.encode(texts, folder, output=tmp_path / "v.npy")
    with pytest.raises(UsageError, match="--pooling"):
        angle_bench.run(folder, RERANKING, pooling="mean", results=tmp_path / "r")


def first_stage(built: Callable[[str], Path], mirror: Path, results: Path, **given: Any) -> Any:
    """A cross-encoder over what a sparse encoder found for the queries of NFCorpus."""
    if not (results / ".runs").is_dir():
        angle_bench.run(
            f"found={built('sparse')}", RETRIEVAL, mirror=mirror, results=results, progress=False
        )
    ce = f"ce={built('classifier')}"
    return angle_bench.run(
        ce,
        RETRIEVAL,
        mirror=mirror,
        results=results,
        first_stage="found",
        progress=False,
        **given,
    )


@pytest.mark.filterwarnings("ignore:.* is a .*:UserWarning")
def test_a_first_stage_is_ranked_again_as_by_mteb(built, mirror: Path, tmp_path: Path):
    """mteb keeps the documents of a sparse encoder, and ranks these by a cross-encoder."""
    results = tmp_path / "results"
    run = first_stage(built, mirror, results)
    assert not run.failures
    task = loaded(RETRIEVAL, mirror)
    mteb.evaluate(
        theirs("sparse", built("sparse")),
        task,
        cache=None,
        show_progress_bar=False,
        overwrite_strategy="always",
        prediction_folder=tmp_path / "predictions",
    )
    again = loaded(RETRIEVAL, mirror).convert_to_reranking(tmp_path / "predictions", top_k=100)
    want = scores_of_mteb(theirs("classifier", built("classifier")), again)
    found = stored(run, RETRIEVAL)
    assert any(0 < value < 1 for value in found.values())
    for key, value in want.items():
        assert found[key] == pytest.approx(value, abs=1e-5, nan_ok=True), key

    (outcome,) = run.outcomes
    record = json.loads(outcome.folder.record(RETRIEVAL).read_text())
    sparse = resolve(str(built("sparse")))
    assert record["model"]["first_stage"]["revision"] == sparse.revision
    assert outcome.folder.path.parent.name == "experiments"
    assert first_stage(built, mirror, results).outcomes[0].kept == [RETRIEVAL]
    board = angle_bench.leaderboard(results, tasks=RETRIEVAL)
    assert sorted(board.labels) == ["ce on found", "found"]
    assert f"first stage:local/sparse@{sparse.short_revision}" in board.to_text()
    verdicts = angle_bench.compare("found", "ce on found", tasks=RETRIEVAL, results=results)
    assert "ce on found" in verdicts.to_text()
    mv = f"mv={built('multi_vector')}"
    angle_bench.run(mv, RETRIEVAL, mirror=mirror, results=results, progress=False)
    with pytest.raises(UsageError, match="ce on found: first stage local/sparse"):
        angle_bench.compare("mv", "ce on found", tasks=RETRIEVAL, results=results)


@pytest.mark.filterwarnings("ignore:.* is a .*:UserWarning")
def test_other_documents_of_a_first_stage_are_ranked_anew(built, mirror: Path, tmp_path: Path):
    import pyarrow.parquet as pq

    first_stage(built, mirror, tmp_path)
    (place,) = tmp_path.glob("local__sparse/*/.angle-bench/*.run.parquet")
    table = pq.read_table(place)
    pq.write_table(table.filter(pq.ParquetFile(place).read()["rank"].to_numpy() <= 50), place)
    with pytest.warns(UserWarning, match="under another definition"):
        again = first_stage(built, mirror, tmp_path)
    assert again.outcomes[0].scored == [RETRIEVAL]
    place.unlink()
    with pytest.warns(UserWarning, match="found has found no documents for NFCorpus"):
        lacking = first_stage(built, mirror, tmp_path, overwrite=True)
    assert not lacking.outcomes[0].answers


@pytest.mark.filterwarnings("ignore:.* is a .*:UserWarning")
def test_what_a_first_stage_cannot_be(built, mirror: Path, tmp_path: Path) -> None:
    folder = f"ce={built('classifier')}"
    given: dict[str, Any] = {"results": tmp_path, "mirror": mirror, "progress": False}
    with pytest.raises(UsageError, match="no model with scores is called nobody"):
        angle_bench.run(folder, RETRIEVAL, first_stage="nobody", **given)
    angle_bench.run(f"found={built('sparse')}", RETRIEVAL, **given)
    with pytest.raises(UsageError, match="ranks what found found in retrieval tasks, and none"):
        angle_bench.run(folder, RERANKING, first_stage="found", **given)
    with pytest.raises(UsageError, match="--limit"):
        angle_bench.run(folder, RETRIEVAL, first_stage="found", limit=5, **given)
