"""`angle-bench export`: what is typed, what is written, what is pushed."""

import json
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import Settings
from angle_bench.training.checkpoint.candidate import save_checkpoint
from tests.checkpoints import build_lora, build_tiny, sts_rows, write_rows
from tests.conftest import Cli, Command
from tests.training.checkpoint_vectors import assert_equal, ours, theirs
from tests.training.test_folder import candidate
from tests.upload_hub import COMMIT, UploadHub


@pytest.fixture
def trained(tmp_path: Path, tiny_bert: Path) -> Path:
    save_checkpoint(
        tmp_path / "trained", candidate(tiny_bert, Settings(pooling="cls_avg", max_length=24))
    )
    return tmp_path / "trained"


def test_the_new_folder_stands_beside(cli: Cli, tmp_path: Path, trained: Path) -> None:
    ended = cli("export", "trained", "--to", "sentence-transformers", "--json")
    assert ended.code == 0, ended.err
    made = tmp_path / "trained-sentence-transformers"
    said = json.loads(ended.out)
    assert said["output"] == str(made)
    assert said["revision"] == resolve(str(trained)).revision
    assert f"saved {made}" in ended.err
    assert_equal(theirs(made), ours(trained))


def test_an_adapter_without_our_file_is_told_its_settings(cli: Cli, tmp_path: Path) -> None:
    base = build_tiny(tmp_path / "base", "llama", head=True)
    build_lora(tmp_path / "lora", base, head=True)
    words = ("export", "lora", "--to", "merged", "-o", "made")
    ended = cli(*words)
    assert ended.code == 2
    assert "--pooling last --prompt A" in ended.errors[1]
    typed = ("--pooling", "last", "--prompt", "A", "--max-length", "32")
    assert cli(*words, *typed).code == 0
    found = resolve(str(tmp_path / "made")).required_settings()
    assert (found.pooling, found.max_length, found.merge_adapter) == ("last", 32, False)
    assert found.prompts.default.startswith("Summarize")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trained", "--to", "sentence-transformer"), "--to sentence-transformers, merged"),
        (("trained", "--to", "adapter"), "--to sentence-transformers"),
        (("trained", "--to", "merged", "--push-to-hub", "name"), "--push-to-hub ORG/NAME"),
        (("trained", "--to", "merged", "-o", "trained"), "-o FOLDER beside it"),
        (("traind", "--to", "merged"), "angle-bench export ./trained"),
    ],
)
def test_what_cannot_be_meant(cli: Cli, trained: Path, words: tuple[str, ...], said: str) -> None:
    ended = cli("export", *words)
    assert ended.code == 2
    assert said in "\n".join(ended.errors)


def test_a_folder_is_pushed_as_one_commit(
    angle_bench: Command, tmp_path: Path, trained: Path
) -> None:
    words = ("export", "trained", "--to", "merged", "-o", "made", "--push-to-hub", "org/name")
    with UploadHub() as hub:
        env = hub.env(tmp_path / "home") | {"HF_TOKEN": "hf_test"}
        done = angle_bench(*words, env=env)
        assert done.returncode == 0, done.stderr
        assert f"pushed {hub.url}/org/name/commit/{COMMIT}" in done.stderr
        assert (hub.created[0]["organization"], hub.created[0]["name"]) == ("org", "name")
        assert "private" in json.dumps(hub.created[0])
        made = tmp_path / "made"
        written = {
            place.relative_to(made).as_posix(): place.read_bytes()
            for place in made.rglob("*")
            if place.is_file()
        }
        assert hub.files == written
        assert {"angle_bench.json", "README.md", "model.safetensors"} <= written.keys()


@pytest.mark.process
def test_stored_scores_go_into_the_card_and_beside_it(
    cli: Cli, tmp_path: Path, trained: Path
) -> None:
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.parquet", sts_rows(12, seed=1))
    ran = cli("run", "-m", "./trained", "-t", "STS12", "--mirror", "mirror", "-d", "cpu:1")
    assert ran.code == 0, ran.err
    words = ("export", "trained", "--to", "merged", "-t", "STS12")
    ended = cli(*words, "-o", "one")  # twelve pairs are not mteb's data
    assert "STS12 is not put into the card" in ended.err
    (record,) = Path("results").glob("*/*/.angle-bench/STS12.json")
    said = json.loads(record.read_text())
    said["data"]["verification"]["verdict"] = "equal"
    record.write_text(json.dumps(said))
    ended = cli(*words, "-o", "two")
    assert ended.code == 0, ended.err
    (result,) = ModelCard.load("two/README.md").data.eval_results
    scored = json.loads(record.parents[1].joinpath("STS12.json").read_text())
    main = scored["scores"]["test"][0]["main_score"]
    assert result.metric_value == pytest.approx(100 * main, abs=1e-5)
    (entry, whole) = parse_eval_result_entries(
        yaml.safe_load(Path("two/.eval_results/STS12.yaml").read_text())
    )
    assert (entry.task_id, whole.task_id) == ("STS12_default_test", "STS12")
    assert entry.value == result.metric_value
    assert resolve("two").revision == resolve("one").revision  # no part of what changes a vector
    refused = cli(*words, "-o", "three", "--pooling", "mean")
    assert refused.code == 2
    assert "of the checkpoint as it is" in refused.errors[0]


@pytest.mark.long
def test_a_refused_push_says_so_and_keeps_the_folder(
    angle_bench: Command, tmp_path: Path, trained: Path
) -> None:
    words = ("export", "trained", "--to", "merged", "-o", "made", "--push-to-hub", "org/name")
    with UploadHub(refusal=403) as hub:
        env = hub.env(tmp_path / "home") | {"HF_TOKEN": "hf_test"}
        done = angle_bench(*words, env=env)
    assert done.returncode == 1
    assert "error: org/name cannot be pushed: this account may not write there" in done.stderr
    assert "hf auth login" in done.stderr
    assert (tmp_path / "made/model.safetensors").is_file()


@pytest.mark.process
@pytest.mark.long
def test_a_checkpoint_selected_on_test_data_is_marked_in_every_table(
    cli: Cli, tmp_path: Path, tiny_bert: Path
) -> None:
    """From the file in its folder through the run record to notes and signatures."""
    used = Settings(pooling="cls", max_length=24)
    save_checkpoint(tmp_path / "honest", candidate(tiny_bert, used))
    chosen = candidate(tiny_bert, used, selected_on_test=("STS12 test",))
    save_checkpoint(tmp_path / "chosen", chosen)
    assert cli("export", "chosen", "--to", "merged", "-o", "again").code == 0
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.parquet", sts_rows(12, seed=1))
    models = ("-m", "./honest", "-m", "./chosen", "-m", "./again")
    ran = cli("run", *models, "-t", "STS12", "--mirror", "mirror")
    assert ran.code == 0, ran.err
    records = {
        place.parts[1]: json.loads(place.read_text())["model"].get("selected_on_test")
        for place in Path("results").glob("*/*/.angle-bench/STS12.json")
    }
    expected = ["STS12 test"]
    assert records == {
        "local__honest": None,
        "local__chosen": expected,
        "local__again": expected,
    }
    board = cli("leaderboard", "-t", "STS12")
    marked = [
        line for line in board.out.splitlines() if "checkpoint selected on STS12 test" in line
    ]
    assert len(marked) == 2, board.out
    compared = cli("compare", "honest", "chosen", "-t", "STS12")
    assert "! chosen: checkpoint selected on STS12 test" in compared.out
    said = json.loads(cli("compare", "again", "honest", "-t", "STS12", "--json").out)
    assert said["base_selected_on_test"] == expected
    assert said["candidates"][0]["selected_on_test"] == []
