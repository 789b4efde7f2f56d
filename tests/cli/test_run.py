"""`angle-bench run` on a tiny checkpoint and a tiny mirror: what is stored, kept, set aside."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from scipy.stats import spearmanr

from tests.checkpoints import add_sentence_transformers_files, build_tiny_bert, sts_rows, write_rows
from tests.conftest import Cli

pytestmark = pytest.mark.process

TWO = ("-t", "STS12,STS13", "--mirror", "mirror")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """STS12 as parquet and STS13 as JSON lines."""
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.parquet", sts_rows(12, seed=1))
    write_rows(tmp_path / "mirror/mteb/sts13-sts/test.jsonl", sts_rows(9, seed=2))
    return tmp_path / "mirror"


def model_folders(results: Path = Path("results")) -> list[Path]:
    return sorted(place.parent for place in results.glob("*/*/model_meta.json"))


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(place.relative_to(folder)): (place.stat().st_mtime_ns, place.read_bytes())
        for place in sorted(folder.rglob("*"))
        if place.is_file()
    }


def test_several_models_are_compared_next(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    models = ("-m", f"a={tiny_bert}", "-m", f"my b={shutil.copytree(tiny_bert, 'second')}")
    ended = cli("run", *models, *TWO)
    assert ended.err.splitlines()[-1] == "next: angle-bench compare a 'my b' -t STS12,STS13"
    ended = cli("run", *models, *TWO, "-r", "other", "--limit", "4")
    assert ended.err.splitlines()[-1].endswith("-m ./MY-CHECKPOINT")
    ended = cli("run", *models, *TWO, "-r", "other")
    assert ended.err.splitlines()[-1].endswith("-t STS12,STS13 -r other")


def test_scores_are_stored_with_predictions_and_record(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    ended = cli("run", "-m", tiny_bert, *TWO, "--pooling", "mean")
    assert ended.code == 0, ended.err
    assert "mean of 2" in ended.out
    assert ended.err.splitlines()[-1] == (
        f"next: angle-bench run -m {tiny_bert} -t STS12,STS13 --mirror mirror --pooling mean "
        "-m ./MY-CHECKPOINT"
    )
    (folder,) = Path("results").glob("local__tiny-bert/sha256-*/experiments/settings_*")
    assert sorted(place.name for place in folder.glob("*.json")) == [
        "STS12.json",
        "STS13.json",
        "model_meta.json",
    ]
    side = folder / ".angle-bench"
    for task, pairs in (("STS12", 12), ("STS13", 9)):
        result = json.loads((folder / f"{task}.json").read_text())
        (scores,) = result["scores"]["test"]
        assert result["dataset_revision"].startswith("local-")
        predictions = pq.read_table(side / f"{task}.parquet")
        assert predictions.column("index").to_pylist() == list(range(pairs))
        rank = spearmanr(predictions.column("gold"), predictions.column("score"))
        assert scores["main_score"] == pytest.approx(rank.statistic, abs=1e-6)
        record = json.loads((side / f"{task}.json").read_text())
        assert record["model"]["settings"]["pooling"] == "mean"
        weights = tiny_bert / "model.safetensors"
        assert record["model"]["weight_bytes"] == weights.stat().st_size
        assert record["model"]["made_from"] is None
        assert record["prompts"] == {"text": ""}
        assert record["data"]["verification"]["verdict"] == "differs"
        assert record["command"][:2] == ["angle-bench", "run"]
    (of_command,) = Path("results/.runs").glob("*.json")
    assert json.loads(of_command.read_text())["exit_code"] == 0


def test_a_repeated_command_computes_nothing_and_starts_neither_torch_nor_mteb(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    first = cli("run", "-m", tiny_bert, *TWO)
    (folder,) = model_folders()
    before = snapshot(folder)
    script = (
        "import sys\nfrom angle_bench.cli.app import main\n"
        "try: main()\nexcept SystemExit as end: print('exit', end.code)\n"
        "print(sorted({'torch', 'mteb', 'transformers', 'datasets'} & set(sys.modules)))"
    )
    repeated = subprocess.run(
        [sys.executable, "-c", script, "run", "-m", str(tiny_bert), *TWO],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert repeated.stdout.splitlines()[-2:] == ["exit 0", "[]"]
    assert repeated.stdout.startswith(first.out)
    assert snapshot(folder) == before


def test_a_missing_data_set_is_recorded_and_the_rest_is_scored(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    ended = cli("run", "-m", tiny_bert, "-t", "STS12,STS15,STS13", "--mirror", mirror)
    assert ended.code == 1
    assert "2 of 3" in ended.out
    assert len(ended.errors) == 2
    assert "STS15" in ended.errors[0]
    assert "--mirror DIR with DIR/mteb/sts15-sts/test.parquet" in ended.errors[1]
    (folder,) = model_folders()
    failure = json.loads((folder / ".angle-bench/STS15.error.json").read_text())
    assert "Traceback" in failure["traceback"]
    kept = snapshot(folder)["STS12.json"]

    write_rows(mirror / "mteb/sts15-sts/test.parquet", sts_rows(10, seed=3))
    again = cli("run", "-m", tiny_bert, "-t", "STS12,STS15,STS13", "--mirror", mirror)
    assert again.code == 0
    assert snapshot(folder)["STS12.json"] == kept
    assert not (folder / ".angle-bench/STS15.error.json").exists()


def test_what_a_killed_command_left_beside_a_result_goes(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    cli("run", "-m", tiny_bert, *TWO)
    (folder,) = model_folders()
    side = folder / ".angle-bench"
    before = sorted(side.iterdir())
    for name in ("STS12.error.json", "STS12.lock", "STS13.holder", "lock"):
        (side / name).write_text("{}")
    assert "all stored before" in cli("run", "-m", tiny_bert, *TWO).err
    assert sorted(side.iterdir()) == before


def broken_data(kind: str) -> list[dict[str, object]]:
    rows = sts_rows(6)
    if kind == "columns":
        return [{"a": row["sentence1"], "b": row["sentence2"], "score": 1.0} for row in rows]
    if kind == "empty":
        return []
    worst = {"text": "high", "nan": float("nan"), "none": None}[kind]
    if kind == "text":
        rows = [{**row, "score": str(row["score"])} for row in rows]
    return [*rows, {"sentence1": "a", "sentence2": "b", "score": worst}]


@pytest.mark.parametrize(
    ("kind", "suffix", "says"),
    [
        ("columns", "parquet", "has no column sentence1, sentence2"),
        ("empty", "jsonl", "has no rows"),
        ("text", "parquet", "which is no number"),
        ("nan", "parquet", "which is no number"),
        ("none", "parquet", "which is no number"),
    ],
)
def test_data_that_is_not_sts_data_fails_alone(
    kind: str, suffix: str, says: str, cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    (mirror / "mteb/sts13-sts/test.jsonl").unlink()
    write_rows(mirror / f"mteb/sts13-sts/test.{suffix}", broken_data(kind))
    ended = cli("run", "-m", tiny_bert, *TWO)
    assert ended.code == 1
    assert len(ended.errors) == 2
    assert ended.errors[0].startswith("error: STS13: ")
    assert says in ended.errors[0]
    assert "Traceback" not in ended.err
    (folder,) = model_folders()
    assert (folder / "STS12.json").exists()
    assert not (folder / "STS13.json").exists()


@pytest.mark.parametrize("bytes_kept", [0, 100])
def test_a_cut_off_parquet_fails_alone(
    bytes_kept: int, cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    place = mirror / "mteb/sts12-sts/test.parquet"
    place.write_bytes(place.read_bytes()[:bytes_kept])
    ended = cli("run", "-m", tiny_bert, *TWO)
    assert ended.code == 1
    assert "test.parquet cannot be read" in ended.errors[0]
    (folder,) = model_folders()
    assert (folder / "STS13.json").exists()


def test_debug_shows_the_traceback(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    (mirror / "mteb/sts12-sts/test.parquet").write_bytes(b"no parquet")
    ended = cli("run", "-m", tiny_bert, *TWO, "--debug")
    assert "Traceback (most recent call last)" in ended.err


def test_a_result_cut_in_half_is_named_set_aside_and_computed_again(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    cli("run", "-m", tiny_bert, *TWO)
    (folder,) = model_folders()
    whole = (folder / "STS12.json").read_bytes()
    half = whole[: len(whole) // 2]
    (folder / "STS12.json").write_bytes(half)
    ended = cli("run", "-m", tiny_bert, *TWO)
    assert ended.code == 0
    assert "STS12.json cannot be read" in ended.err
    (aside,) = (folder / ".angle-bench/superseded").glob("*/STS12.json")
    assert aside.read_bytes() == half
    assert json.loads((folder / "STS12.json").read_text())["scores"] == json.loads(whole)["scores"]


def test_other_data_supersedes_the_old_score(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    cli("run", "-m", tiny_bert, *TWO)
    (folder,) = model_folders()
    before = snapshot(folder)
    write_rows(mirror / "mteb/sts12-sts/test.parquet", sts_rows(12, seed=7))
    ended = cli("run", "-m", tiny_bert, *TWO)
    assert "STS12 is computed again: stored for data local-" in ended.err
    (aside,) = (folder / ".angle-bench/superseded").glob("*/STS12.json")
    assert aside.read_bytes() == before["STS12.json"][1]
    assert aside.with_name("STS12.parquet").exists()
    assert snapshot(folder)["STS13.json"] == before["STS13.json"]


@pytest.mark.parametrize(
    "file",
    [
        "model.safetensors",
        pytest.param("tokenizer.json", marks=pytest.mark.long),
        pytest.param("config.json", marks=pytest.mark.long),
    ],
)
def test_a_checkpoint_changed_in_place_is_another_model(
    file: str, cli: Cli, tiny_bert: Path, mirror: Path, tmp_path: Path
) -> None:
    cli("run", "-m", tiny_bert, "-t", "STS12", "--mirror", mirror)
    (old,) = model_folders()
    before = snapshot(old)
    if file == "model.safetensors":
        build_tiny_bert(tmp_path / "other", seed=1)
        (tiny_bert / file).write_bytes((tmp_path / "other" / file).read_bytes())
    else:
        content = json.loads((tiny_bert / file).read_text())
        content["changed"] = True
        if file == "tokenizer.json":
            content.pop("changed")
            content["normalizer"]["lowercase"] = not content["normalizer"]["lowercase"]
        (tiny_bert / file).write_text(json.dumps(content))
    ended = cli("run", "-m", tiny_bert, "-t", "STS12", "--mirror", mirror)
    assert ended.code == 0, ended.err
    assert len(model_folders()) == 2
    assert snapshot(old) == before


def test_overwrite_keeps_the_old_files_aside(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    cli("run", "-m", tiny_bert, *TWO)
    (folder,) = model_folders()
    old = (folder / "STS12.json").read_bytes()
    assert cli("run", "-m", tiny_bert, *TWO, "--overwrite").code == 0
    (aside,) = (folder / ".angle-bench/superseded").glob("*/STS12.json")
    assert aside.read_bytes() == old


def test_json_goes_to_stdout_alone(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    ended = cli("run", "-m", f"mine={tiny_bert}", "-t", "STS12,STS15", "--mirror", mirror, "--json")
    (model,) = json.loads(ended.out)["models"]
    assert model["label"] == "mine"
    assert model["mean"] is None
    assert model["coverage"] == "1 of 2"
    assert model["scores"]["STS15"] is None
    assert "mteb/sts15-sts" in model["failures"]["STS15"]["what"]
    assert model["data"] == {"STS12": "differs"}


def test_several_models_share_a_table(
    cli: Cli, tiny_bert: Path, mirror: Path, tmp_path: Path
) -> None:
    build_tiny_bert(tmp_path / "st", seed=3)
    add_sentence_transformers_files(tmp_path / "st")
    ended = cli("run", "-m", f"plain={tiny_bert}", "-m", "st", *TWO)
    assert ended.code == 0, ended.err
    header, plain, st = ended.out.splitlines()[:3]
    assert header.split() == ["STS12", "STS13", "│", "mean", "of", "2"]
    assert plain.startswith("plain ")
    assert st.startswith("st ")
    assert "pool:mean+norm" in ended.out


def test_a_model_that_cannot_be_loaded_is_said_once_and_costs_the_others_nothing(
    cli: Cli, tiny_bert: Path, mirror: Path, tmp_path: Path
) -> None:
    build_tiny_bert(tmp_path / "bad")
    weights = tmp_path / "bad/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    ended = cli("run", "-m", "bad", "-m", tiny_bert, *TWO)
    assert ended.code == 1
    assert len(ended.errors) == 2
    assert "bad could not be loaded" in ended.errors[0]
    assert "0 of 2" in ended.out


@pytest.mark.parametrize(
    ("words", "code", "says", "types"),
    [
        (("-m", "UAE-Large-V2"), 2, "Did you mean WhereIsAI/UAE-Large-V1", "-m WhereIsAI/UAE"),
        (("-m", "me/all-MiniLM-L6-v3"), 2, "Did you mean sentence-transformers/all-MiniLM", "-m"),
        (("-m", "demo-model", "-t", "STS-12"), 2, "Did you mean STS12", "-t STS12"),
        (
            ("-m", "m", "-t", "STS12", "STS13"),
            2,
            "STS13 is an unexpected argument",
            "-t STS12,STS13",
        ),
        (("-m", "m", "demo"), 2, "demo is an unexpected argument; give tasks with -t", "-t demo"),
        (("-m", "tiny-bert", "--mirror", "nowhere"), 2, "mirror nowhere is not there", "--mirror"),
        (("-m", "tiny-bert", "--mirror", "file"), 2, "mirror file is a file", "--mirror"),
        (("-m", "tiny-bert", "--batch-tokens", "0"), 2, "no room for a text", "--batch-tokens"),
        (("-m", "tiny-bert", "-d", "gpu"), 2, "no device 'gpu'", "-d auto"),
        (("-m", "tiny-bert", "-d", "cpu:0"), 2, "no device 'cpu:0'", "-d auto"),
        (("-m", "tiny-bert", "-d", "cpu,cuda"), 2, "mixes", "-d cuda:0,cuda:1"),
        (("-m", "tiny-bert", "--layers", "2,x"), 2, "no list of whole numbers", "--layers 2,4"),
        (("-m", "tiny-bert", "--layers", "1,99"), 2, "the layers 0", "--layers"),
        (("-m", "tiny-bert", "--sizes", "0"), 2, "dimensions", "--sizes"),
        (("-m", "tiny-bert", "--precisions", "uint8"), 2, "not in 'uint8'", "--precisions float32"),
        (("-m", "tiny-bert", "--sizes", "100000"), 2, "dimensions", "--sizes"),
        (("-m", "tiny-bert", "--attention", "flsh"), 2, "--attention flsh", "--attention"),
        (("-m", "tiny-bert", "--cache-limit", "5X"), 2, "no size", "5"),
        (("-m", "tiny-bert", "--cache-dir", "file"), 2, "is a file", "--cache-dir"),
        (("-m", "tiny-bert", "-r", "file"), 2, "file is a file", "-r"),
        (("-m", "tiny-bert", "-r", "file/results"), 1, "cannot be written", "-r"),
        (("-m", "tiny-bert", "-r", "/proc/results"), 1, "cannot be written", "-r"),
        (("-m", "./nothing"), 2, "no folder ./nothing", "-m"),
        (("-m", "empty"), 1, "no config.json", "-m"),
        (("-m", "no-weights"), 1, "no weights", "save_pretrained"),
        (("-m", "no-tokenizer"), 1, "no tokenizer", "save_pretrained"),
        ((), 2, "no model is named", "-m"),
    ],
)
def test_bad_input_is_two_lines_and_writes_nothing(
    words: tuple[str, ...],
    code: int,
    says: str,
    types: str,
    cli: Cli,
    tiny_bert: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, gone in (("no-weights", "model.safetensors"), ("no-tokenizer", "tokenizer.json")):
        build_tiny_bert(tmp_path / name)
        (tmp_path / name / gone).unlink()
    ended = cli("run", *words)
    what, fix = ended.err.splitlines()
    assert ended.code == code
    assert what.startswith("error: ")
    assert says in what
    assert fix.startswith("  type: ")
    assert types in fix
    assert ended.out == ""
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_an_interrupt_keeps_what_is_finished(
    sent: signal.Signals, tiny_bert: Path, mirror: Path, tmp_path: Path
) -> None:
    # the second task is large enough to be under way when the first one is told
    write_rows(mirror / "mteb/sts13-sts/test.jsonl", sts_rows(6000, seed=2))
    typed = ["run", "-m", str(tiny_bert), *TWO]
    running = subprocess.Popen(
        [sys.executable, "-m", "angle_bench", *typed],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if " STS12 1/2 " in line:
            break
    running.send_signal(sent)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.splitlines()[-2:] == [
        "error: interrupted; what was finished is kept.",
        f"  type: {shlex.join(['angle-bench', *typed])}",
    ]
    (folder,) = model_folders(tmp_path / "results")
    assert (folder / "STS12.json").exists()
    assert not (folder / "STS13.json").exists()
    (record,) = (tmp_path / "results/.runs").glob("*.json")
    told = json.loads(record.read_text())
    assert told["exit_code"] == 130
    assert told["outcome"]["tiny-bert"]["scored"] == ["STS12"]


def test_what_angles_trainer_recorded_is_used(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    (tiny_bert / "angle_config.json").write_text('{"pooling_strategy": "avg", "max_length": 32}')
    ended = cli("run", "-m", tiny_bert, *TWO)
    assert ended.code == 0
    assert "pool:mean|prompts:none|max:32" in ended.out
    assert "records no pooling" not in ended.err


def test_a_mirror_that_is_another_folder_is_said(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    ended = cli("run", "-m", tiny_bert, "-t", "STS12", "--mirror", mirror / "mteb")
    assert f"did you mean --mirror {mirror}?" in ended.err


def test_languages_of_a_task_run_from_their_folders(
    cli: Cli, tiny_bert: Path, mirror: Path
) -> None:
    from angle_bench.suites.shipped import mteb_task

    task = mteb_task("STS17")
    assert task is not None
    for number, subset in enumerate(task.subsets):
        place = mirror / task.dataset / subset / "test.jsonl"
        write_rows(place, sts_rows(6, seed=number))
    everything = cli("run", "-m", tiny_bert, "-t", "STS17", "--mirror", mirror)
    assert everything.code == 0, everything.err
    (folder,) = model_folders()
    predictions = pq.read_table(folder / ".angle-bench/STS17.parquet")
    assert set(predictions.column("subset").to_pylist()) == set(task.subsets)
    record = json.loads((folder / ".angle-bench/STS17.json").read_text())
    assert record["counts"] == {"samples": 66, "predictions": 66}


@pytest.mark.parametrize("link", ["1_Pooling", "model.safetensors"])
def test_what_links_lead_to_belongs_to_the_content(
    link: str, cli: Cli, tiny_bert: Path, tmp_path: Path
) -> None:
    from angle_bench.checkpoints.folder.content import content_hash

    add_sentence_transformers_files(tiny_bert)
    target = tmp_path / "elsewhere"
    (tiny_bert / link).rename(target)
    (tiny_bert / link).symlink_to(target)
    before = content_hash(tiny_bert)
    changed = target / "config.json" if target.is_dir() else target
    changed.write_bytes(changed.read_bytes() + b" ")
    assert content_hash(tiny_bert) != before


def test_an_aggregate_is_the_mean_of_its_parts(cli: Cli, tiny_bert: Path, mirror: Path) -> None:
    from angle_bench.suites.shipped import mteb_task

    aggregate = mteb_task("CQADupstackRetrieval")
    assert aggregate is not None
    words = [row["sentence1"] for row in sts_rows(12, seed=5)]
    for shift, name in enumerate(aggregate.parts):
        part = mteb_task(name)
        assert part is not None
        place = mirror / part.dataset
        corpus = [{"_id": f"d{i}", "title": "", "text": text} for i, text in enumerate(words)]
        queries = [{"_id": f"q{i}", "text": words[i + shift % 6]} for i in range(3)]
        judged = [{"query-id": f"q{i}", "corpus-id": f"d{i}", "score": 1} for i in range(3)]
        write_rows(place / "corpus/corpus.jsonl", corpus)
        write_rows(place / "queries/queries.jsonl", queries)
        write_rows(place / "default/test.jsonl", judged)
    ended = cli("run", "-m", tiny_bert, "-t", aggregate.name, "--mirror", mirror)
    assert ended.code == 0, ended.err
    (folder,) = model_folders()
    scores = {
        place.stem: json.loads(place.read_text())["scores"]["test"][0]["main_score"]
        for place in folder.glob("CQADupstack*.json")
    }
    mean = scores.pop(aggregate.name)
    assert set(scores) == set(aggregate.parts)
    assert len(set(scores.values())) > 1
    assert mean == pytest.approx(sum(scores.values()) / 12, abs=1e-6)
    assert f"{100 * mean:.2f}≠" in ended.out
