"""`angle-bench run`: the same scores however vectors are computed, kept, cut; interrupted runs."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoints import build_tiny_bert, sts_rows, write_rows
from tests.conftest import Cli, Command, Ended

pytestmark = pytest.mark.process

TWO = ("-t", "STS12,STS13", "--mirror", "mirror")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.parquet", sts_rows(30, seed=1))
    write_rows(tmp_path / "mirror/mteb/sts13-sts/test.jsonl", sts_rows(20, seed=2))
    return tmp_path / "mirror"


@pytest.fixture
def unlike(tmp_path: Path) -> Path:
    """A checkpoint whose vectors differ in the signs of their numbers, too."""
    build_tiny_bert(tmp_path / "unlike", initializer_range=0.3)
    return tmp_path / "unlike"


def scores(ended: Ended) -> list[dict[str, float]]:
    assert ended.code == 0, ended.err
    models: list[dict[str, Any]] = json.loads(ended.out)["models"]
    return [model["scores"] for model in models]


def records(results: str) -> dict[str, dict[str, Any]]:
    places = Path(results).glob("*/*/.angle-bench/*.json")
    return {place.stem: json.loads(place.read_text()) for place in places}


def stored(task: str) -> list[Path]:
    """The result files of a task, whatever the settings."""
    found = Path("results").rglob(f"{task}.json")
    return [place for place in found if place.parent.name != ".angle-bench"]


def forwarded(results: str) -> int:
    return max(record["encoded_so_far"]["forwarded"] for record in records(results).values())


@pytest.mark.long
def test_scores_do_not_depend_on_batches_workers_and_the_store(
    cli: Cli, minilm: Path, tmp_path: Path
) -> None:
    demo = ("run", "-m", "all-MiniLM-L6-v2", "-t", "demo", "--json")
    store = ("--cache-dir", "store")
    (one,) = scores(cli(*demo, "-r", "a", "-d", "cpu:1", "--batch-tokens", "64", "--no-cache"))
    (two,) = scores(cli(*demo, "-r", "b", "-d", "cpu:2", "--batch-tokens", "4096", *store))
    (warm,) = scores(cli(*demo, "-r", "c", "-d", "cpu:2", *store))
    assert one == two == warm  # four decimals of the score ×100
    assert [forwarded(name) for name in "abc"] == [576, 576, 0]
    assert not (tmp_path / "a/.angle-bench").exists()


def test_where_vectors_came_from_is_told_and_recorded(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    run = ("run", "-m", tiny_bert, *TWO, "--cache-dir", "store", "-d", "cpu")
    assert " · cpu" in cli(*run).err
    assert {each["device"] for each in records("results").values()} == {"cpu"}
    assert " · stored vectors first" in cli(*run, "-r", "warm").err
    assert {each["device"] for each in records("warm").values()} == {"stored vectors"}


def test_a_suite_is_encoded_before_its_first_task_each_text_once(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    write_rows(mirror / "mteb/sts13-sts/test.jsonl", sts_rows(30, seed=1))  # the texts of STS12
    ended = cli("run", "-m", tiny_bert, *TWO, "--cache-dir", "store")
    assert ended.code == 0, ended.err
    counts = {name: record["encoded_so_far"] for name, record in records("results").items()}
    distinct = counts["STS12"]["forwarded"]
    assert f"{distinct} unique of 120 texts" in ended.err
    assert 0 < distinct <= 60
    assert counts["STS13"]["forwarded"] == distinct


@pytest.mark.parametrize("where", [("--cache-dir", "store"), ("--no-cache",)])
def test_a_grid_prints_every_layer_and_size_and_stores_each_as_its_own(
    cli: Cli, tiny_bert: Path, mirror: Path, where: tuple[str, ...]
) -> None:
    grid = ("run", "-m", tiny_bert, *TWO, "--layers", "1,2", "--sizes", "8,32", *where)
    ended = cli(*grid)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0] == "tiny-bert"
    assert lines[1].split() == ["mean", "of", "2", "·", "size", "8", "32"]
    assert [line.split()[:2] for line in lines[2:4]] == [["layer", "1"], ["layer", "2"]]
    assert "layer:1,last|size:8,full" in ended.out
    folders = stored("STS12")
    assert len(folders) == 4
    assert len(list(Path("results").glob("local__tiny-bert/*/STS12.json"))) == 1
    ids = {place.parent.name.removeprefix("settings_") for place in folders}
    metas = [json.loads((place.parent / "model_meta.json").read_text()) for place in folders]
    for meta in metas:
        settings = (meta["experiment_kwargs"] or {}).get("settings")
        assert settings is None or settings in ids
    assert sorted(meta["embed_dim"] for meta in metas) == [8, 8, 32, 32]
    # the plain result is the grid's last cell, and nothing of the grid is computed twice
    plain = cli("run", "-m", tiny_bert, *TWO, "--json")
    assert "loading" not in plain.err
    (only,) = json.loads(plain.out)["models"]
    assert f"{only['mean']:.2f}" == lines[3].split()[-1]
    again = cli(*grid, "--json")
    models = json.loads(again.out)["models"]
    assert {(model["layer"], model["size"]) for model in models} == {
        (1, 8),
        (1, None),
        (None, 8),
        (None, None),
    }
    assert len({model["label"] for model in models}) == 4


def test_a_layer_that_cannot_be_scored_costs_the_others_nothing(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    """The embeddings of [CLS] are the same in every text."""
    ended = cli("run", "-m", tiny_bert, *TWO, "--layers", "0,2", "--sizes", "8,32", "--json")
    assert ended.code == 1
    assert [line.split(": ")[1] for line in ended.errors[::2]] == ["STS12", "STS13"]
    models = json.loads(ended.out)["models"]
    coverage = {(model["layer"], model["size"]): model["coverage"] for model in models}
    assert coverage == {
        (0, 8): "0 of 2",
        (0, None): "0 of 2",
        (None, 8): "2 of 2",
        (None, None): "2 of 2",
    }


def test_precisions_are_variants_of_one_pass_with_scores_of_mteb(
    cli: Cli, unlike: Path, mirror: Path
) -> None:
    plain = ("run", "-m", unlike, *TWO, "--cache-dir", "store")
    assert cli(*plain).code == 0
    before = {place: place.stat().st_mtime_ns for place in stored("STS12")}
    grid = (*plain, "--sizes", "8,32", "--precisions", "binary,float32,int8")
    asked = cli(*grid, "-n")
    assert asked.out.splitlines()[0] == "unlike · size 8,full · precision float32,int8,binary"
    ended = cli(*grid)
    assert ended.code == 0, ended.err
    assert "precision float32,int8,binary" in ended.err
    lines = ended.out.splitlines()
    assert [line.split()[:3] for line in lines[2:5]] == [
        ["layer", "2", precision] for precision in ("float32", "int8", "binary")
    ]
    assert [line.split()[-2:] for line in lines[5:8]] == [["32", "128"], ["8", "32"], ["1", "4"]]
    assert "|size:8,full|precision:float32,int8,binary|" in ended.out
    assert len(stored("STS12")) == 6
    assert {place: place.stat().st_mtime_ns for place in before} == before
    distinct = records("results")["STS12"]["encoded_so_far"]["forwarded"]
    for place in Path("results").rglob(".angle-bench/STS1*.json"):
        record = json.loads(place.read_text())
        known = record["encoded_so_far"]["forwarded"]
        assert known in (0, distinct, records("results")["STS13"]["encoded_so_far"]["forwarded"])
    again = json.loads(cli(*grid, "--json").out)["models"]
    rows = {(row["size"], row["precision"]): row for row in again}
    assert {key: row["vector_bytes"] for key, row in rows.items()} == {
        (8, "float32"): 32,
        (8, "int8"): 8,
        (8, "binary"): 1,
        (None, "float32"): 128,
        (None, "int8"): 32,
        (None, "binary"): 4,
    }
    for precision in ("int8", "binary"):
        scored = rows[8, precision]["scores"]["STS12"]
        assert scored == pytest.approx(100 * by_mteb(unlike, precision, 8), abs=1e-3)
        assert rows[None, precision]["label"] == f"unlike {precision}"


def by_mteb(folder: Path, precision: str, size: int) -> float:
    """The main score that mteb's wrapper gives of the mirror's STS12."""
    import datasets
    import mteb
    from mteb.models import CompressionWrapper
    from mteb.types import OutputDType

    import angle_bench

    task = mteb.get_task("STS12")
    rows = sts_rows(30, seed=1)
    task.dataset = {"test": datasets.Dataset.from_list(rows)}
    task.dataset_transform = lambda **_: None
    task.data_loaded = True
    with (
        angle_bench.load(str(folder), device="cpu:1", size=size) as encoder,
        pytest.warns(UserWarning, match="Estimating quantization")
        if precision == "int8"
        else contextlib.nullcontext(),
    ):
        wrapped = CompressionWrapper(encoder, OutputDType(precision))
        result = mteb.evaluate(wrapped, task, cache=None, show_progress_bar=False)
    return float(result.task_results[0].get_score())


def test_a_stored_precision_is_found_by_its_name(cli: Cli, unlike: Path, mirror: Path) -> None:
    run = ("run", "-m", unlike, *TWO, "--sizes", "8,32", "--precisions")
    assert cli(*run, "float32,binary").code == 0
    names = ("unlike", "unlike size 8 binary")
    compared = cli("compare", *names, *TWO[:2], "--allow-different")
    assert compared.code == 0, compared.err
    said = "size 8, base full; precision binary, base float32"
    assert f"unlike size 8 binary: {said}" in compared.err + compared.out
    assert cli("compare", *names, *TWO[:2]).code == 2  # never silently
    board = cli("leaderboard", *TWO[:2])
    assert "unlike size 8 binary‡" in board.out
    assert "size 8, not full; precision binary, not float32" in board.out + board.err
    (row,) = json.loads(cli("leaderboard", "-m", names[1], *TWO[:2], "--json").out)["rows"]
    assert row["model"] == names[1]
    refused = cli("run", "-m", names[1], *TWO)
    assert refused.code == 2
    assert "--sizes 8 --precisions binary" in refused.err


def test_a_smoke_run_and_a_lone_precision(cli: Cli, unlike: Path, mirror: Path) -> None:
    ended = cli("run", "-m", unlike, *TWO, "--precisions", "int8", "--limit", "5")
    assert ended.code == 0, ended.err
    assert " · precision int8 · " in ended.err
    assert "|precision:int8|" in ended.out


@pytest.mark.long
def test_a_variant_alone_scores_as_in_the_grid(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    cells = scores(
        cli("run", "-m", tiny_bert, *TWO, "--layers", "1,2", "--sizes", "8,32", "--json")
    )
    cell = ("--layers", "1", "--sizes", "8", "--no-cache", "-r", "alone", "--json")
    (alone,) = scores(cli("run", "-m", tiny_bert, *TWO, *cell))
    assert alone == cells[0]


def test_a_grid_in_which_one_variant_was_stored_before(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    cli("run", "-m", tiny_bert, *TWO)
    times = {place: place.stat().st_mtime_ns for place in stored("STS12")}
    ended = cli("run", "-m", tiny_bert, *TWO, "--sizes", "8,32")
    assert ended.code == 0, ended.err
    assert {place: place.stat().st_mtime_ns for place in times} == times


def test_a_model_of_mteb_has_no_layers(cli: Cli) -> None:
    ended = cli("run", "-m", "intfloat/e5-small", "--layers", "2", *TWO)
    assert ended.code == 2
    assert "loaded by mteb" in ended.errors[0]
    ended = cli("run", "-m", "intfloat/e5-small", "--precisions", "int8", *TWO)
    assert ended.code == 2
    assert "--precisions cannot" in ended.errors[0]


def test_attention_and_compile_are_identities_of_their_own(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    for more in ((), ("--attention", "eager")):
        ended = cli("run", "-m", tiny_bert, *TWO, *more)
        assert ended.code == 0, ended.err
    assert "attention:eager" in ended.out
    assert len(stored("STS12")) == 2


def test_a_store_that_cannot_be_used_costs_nothing_but_time(
    cli: Cli, tiny_bert: Path, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    (cache / "vectors").mkdir(parents=True)
    (cache / "vectors/data.mdb").write_bytes(b"no store" * 1000)
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(cache))
    ended = cli("run", "-m", tiny_bert, *TWO)
    assert ended.code == 0, ended.err
    assert "is damaged" in ended.err
    assert "angle-bench cache clear" in ended.err
    named = cli("run", "-m", tiny_bert, *TWO, "--overwrite", "--cache-dir", cache)
    assert named.code == 2
    assert "is damaged" in named.errors[0]


def test_texts_that_were_cut_are_counted(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    ended = cli("run", "-m", tiny_bert, *TWO, "--max-length", "4", "--no-cache")
    found = re.search(r"(\d+) of (\d+) texts were cut to 4 tokens", ended.err)
    assert found, ended.err
    cut, all_ = map(int, found.groups())
    assert 0 < cut <= all_ == forwarded_in_experiment()


def forwarded_in_experiment() -> int:
    (place,) = Path("results").rglob(".angle-bench/STS13.json")
    count: int = json.loads(place.read_text())["encoded_so_far"]["forwarded"]
    return count


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it reads /proc")
@pytest.mark.parametrize(
    "end", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_an_interrupted_encode_leaves_no_process_and_goes_on_from_the_store(
    end: signal.Signals, angle_bench: Command, mirror: Path, tmp_path: Path
) -> None:
    build_tiny_bert(tmp_path / "slow", hidden_size=512, num_attention_heads=8, num_hidden_layers=8)
    write_rows(mirror / "mteb/sts12-sts/test.parquet", sts_rows(2500, seed=3))
    words = ("run", "-m", "slow", *TWO, "--cache-dir", "store", "-d", "cpu:2")
    process = subprocess.Popen(
        [sys.executable, "-m", "angle_bench", *words, "--batch-tokens", "256"],
        cwd=tmp_path,
        env=dict(os.environ),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "unique of" in line:
            break
    workers = children(process.pid)
    assert len(workers) == 2
    while not (tmp_path / "store/vectors/data.mdb").stat().st_size > 1 << 18:
        assert process.poll() is None  # the first flush is 10 s away
        os.sched_yield()
    process.send_signal(end)
    said = process.stderr.read()
    assert process.wait(60) == 130, said
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    ended = angle_bench(*words, "-q")
    assert ended.returncode == 0, ended.stderr
    place = next((tmp_path / "results").rglob(".angle-bench/STS12.json"))
    counts = json.loads(place.read_text())["encoded_so_far"]
    distinct = counts["stored"] + counts["forwarded"]
    assert counts["forwarded"] < distinct


def test_one_prompt_for_every_text_is_an_identity_of_its_own(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    words = ("run", "-m", tiny_bert, *TWO, "--json")
    (plain,) = scores(cli(*words))
    (none,) = scores(cli(*words, "--prompt", "none"))
    assert none == plain
    assert len(stored("STS12")) == 1  # it is the checkpoint's own setting
    ended = cli(*words, "--prompt", "big {text} .")
    (prompted,) = scores(ended)
    assert prompted != plain
    assert "prompt 'big {text} .'" in ended.err
    assert len(stored("STS12")) == 2
    refused = cli(*words, "--prompt", "big {txt}")
    assert refused.code == 2
    assert "--prompt 'big {txt}'" in refused.errors[0]
