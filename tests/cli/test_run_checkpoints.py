"""`run` on adapters, foreign folders, saved specs: what is said, stored and refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench.checkpoints.folder.content import content_hash
from tests.adapters import SWITCHED, build_switched
from tests.checkpoints import add_sentence_transformers_files, build_lora, build_tiny
from tests.conftest import Cli

pytestmark = pytest.mark.process

DEMO = ("-t", "demo", "--mirror", ".", "-d", "cpu:1")


@pytest.fixture(autouse=True)
def _no_personal_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return build_lora(tmp_path / "llama-nli", build_tiny(tmp_path / "base", "llama"))


@pytest.mark.long
def test_an_adapter_says_what_to_type_and_it_works(cli: Cli, adapter: Path, tmp_path: Path) -> None:
    ended = cli("run", "-m", "nli=./llama-nli", *DEMO)
    assert ended.code == 2
    assert ended.errors == [
        "error: ./llama-nli is a LoRA adapter without recorded pooling or prompt.",
        "  type: --pooling last --prompt A --save-spec",
    ]
    typed = ("--pooling", "last", "--prompt", "A", "--save-spec")
    ended = cli("run", "-m", "nli=./llama-nli", *DEMO, *typed)
    assert ended.code == 0, ended.err
    assert "saved nli in angle-bench.toml" in ended.err
    assert " · last · prompt A · float32 · cpu" in ended.err
    again = cli("run", "-m", "nli", *DEMO)
    assert "all stored before" in again.err
    assert not list((tmp_path / "results").rglob("experiments"))
    (record,) = (tmp_path / "results").rglob(".angle-bench/AngleBenchDemo.json")
    said = json.loads(record.read_text())["model"]
    assert said["base"] == str(tmp_path / "base")


@pytest.mark.long
def test_a_base_elsewhere(cli: Cli, adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "base").rename(tmp_path / "moved")
    words = ("run", "-m", "./llama-nli", *DEMO, "--pooling", "last", "--prompt", "none")
    ended = cli(*words)
    assert ended.code == 1
    assert "there is no such folder" in ended.errors[0]
    ended = cli(*words, "--base", "moved")
    assert ended.code == 0, ended.err


@pytest.mark.long
@pytest.mark.parametrize("marked", [True, False])
def test_a_registered_adapter_from_a_mirror(cli: Cli, tmp_path: Path, marked: bool) -> None:
    """The row says pooling, prompt and base, which lies in the mirror too."""
    base = build_tiny(tmp_path / "m/NousResearch/Llama-2-7b-hf", "llama", head=True)
    adapter = tmp_path / "m/SeanLee97/angle-llama-7b-nli-v2"
    build_lora(adapter, base, head=True)
    if marked:
        said = {"revision": "c" * 40, "content": content_hash(adapter)}
        (adapter / ".angle-bench.json").write_text(json.dumps(said))
    words = ("run", "-m", "angle-llama-7b-nli-v2", "-t", "demo", "--mirror", "m", "-d", "cpu:1")
    ended = cli(*words, "--max-length", "60", "--dtype", "float32", "--json")
    assert ended.code == 0, ended.err
    assert " · last · prompt A · float32" in ended.err
    (row,) = json.loads(ended.out)["models"]
    assert row["name"] == "SeanLee97/angle-llama-7b-nli-v2"
    content = content_hash(adapter, base)
    assert row["revision"] == ("c" * 40 if marked else f"sha256-{content[:16]}")


@pytest.mark.long
def test_adapters_of_one_base_load_it_once(
    cli: Cli, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from angle_bench.encoding.workers import local

    build_lora(tmp_path / "second", tmp_path / "base", seed=7)
    build_tiny(tmp_path / "other", "bert")
    started: list[str] = []
    start = local.start_process

    def counted(order: dict[str, Any], *more: Any) -> Any:
        started.append(Path(order["folder"]).name)
        return start(order, *more)

    monkeypatch.setattr(local, "start_process", counted)
    models = ("-m", "a=./llama-nli", "-m", "b=./second", "-m", "./other")
    typed = ("--pooling", "last", "--prompt", "A", "--json")
    ended = cli("run", *models, *DEMO, *typed)
    assert ended.code == 0, ended.err
    assert started == ["llama-nli", "other"]
    together = [row["scores"] for row in json.loads(ended.out)["models"]]
    alone = cli("run", "-m", "./second", *DEMO, *typed, "--overwrite", "--no-cache")
    assert json.loads(alone.out)["models"][0]["scores"] == together[1]
    assert together[0] != together[1]


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(["saved-modules", "lora"], marks=pytest.mark.long),
        pytest.param(list(SWITCHED)[:10], marks=pytest.mark.long),
    ],
    ids=["two", "ten"],
)
def test_a_score_does_not_depend_on_the_adapter_before(
    cli: Cli, tmp_path: Path, kinds: list[str]
) -> None:
    """Through two workers and the store, which is read again at the end."""
    base = build_tiny(tmp_path / "base", "bert")
    for name in kinds:
        build_switched(tmp_path / name, base, name)
    typed = ("-t", "demo", "--pooling", "mean", "--prompt", "none", "--json")
    models = [word for name in kinds for word in ("-m", f"./{name}")]
    two = ("-d", "cpu:2")
    alone = {}
    for name in kinds:
        found = cli("run", "-m", f"./{name}", *typed, *two, "--no-cache", "-r", f"alone-{name}")
        assert found.code == 0, found.err
        alone[name] = json.loads(found.out)["models"][0]["scores"]
    for folder in ("together", "stored"):
        ended = cli("run", *models, *typed, *two, "-r", folder)
        assert ended.code == 0, ended.err
        rows = json.loads(ended.out)["models"]
        assert [row["scores"] for row in rows] == [alone[name] for name in kinds]
    assert len({str(scores) for scores in alone.values()}) == len(kinds)


def test_an_adapter_that_changes_nothing_is_told(cli: Cli, tmp_path: Path) -> None:
    build_lora(tmp_path / "fresh", build_tiny(tmp_path / "base", "llama"), zero=True)
    ended = cli("run", "-m", "./fresh", *DEMO, "--pooling", "last", "--prompt", "none")
    assert ended.code == 0, ended.err
    assert "changes nothing" in ended.err


def test_a_foreign_folder_goes_through_its_library(cli: Cli, tiny_bert: Path) -> None:
    """Two poolings side by side: the score is that of sentence-transformers itself."""
    from scipy.stats import spearmanr
    from sentence_transformers import SentenceTransformer

    from angle_bench.files.places import tasks_folder

    add_sentence_transformers_files(tiny_bert, "mean", normalize=False)
    place = tiny_bert / "1_Pooling/config.json"
    config = json.loads(place.read_text())
    place.write_text(json.dumps({**config, "pooling_mode": ["mean", "max"]}))
    ended = cli("run", "-m", str(tiny_bert), *DEMO, "--json")
    assert ended.code == 0, ended.err
    assert "sentence-transformers itself computes it" in ended.err
    assert "loaded by sentence-transformers" in ended.err
    score = json.loads(ended.out)["models"][0]["scores"]["AngleBenchDemo"]
    lines = (tasks_folder() / "demo/test.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    model = SentenceTransformer(str(tiny_bert), device="cpu")
    one, two = (
        model.encode([row[name] for row in rows], normalize_embeddings=True)
        for name in ("sentence1", "sentence2")
    )
    expected = spearmanr((one * two).sum(axis=1), [row["score"] for row in rows]).statistic
    assert score == pytest.approx(100 * expected, abs=1e-3)
    assert "all stored before" in cli("run", "-m", str(tiny_bert), *DEMO).err


@pytest.mark.long
def test_the_old_cls_avg_is_reproducible(cli: Cli, tiny_bert: Path) -> None:
    """It depends on its batches, which are the same whatever the budget and the store."""
    scores = [
        json.loads(
            cli(
                *("run", "-m", str(tiny_bert), *DEMO, "--json", "--overwrite"),
                *("--pooling", "cls_avg_v0", *more),
            ).out
        )["models"][0]["scores"]["AngleBenchDemo"]
        for more in ((), ("--batch-tokens", "64"), ("--no-cache",))
    ]
    assert len(set(scores)) == 1
    plain = cli("run", "-m", str(tiny_bert), *DEMO, "--json", "--pooling", "cls_avg")
    assert json.loads(plain.out)["models"][0]["scores"]["AngleBenchDemo"] != scores[0]


def test_which_prompt_each_task_used(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    row = f'''[[model]]
name = "p"
path = "{tiny_bert}"
pooling = "mean"
[model.prompts.task]
STS12 = "sts: {{text}}"
'''
    (tmp_path / "angle-bench.toml").write_text(row)
    ended = cli("run", "-m", "p", "-t", "demo,STS12", "-d", "cpu:1")
    assert "prompt 'sts: {text}': STS12" in ended.err
    assert "prompt none: AngleBenchDemo" in ended.err


@pytest.mark.parametrize("template", ["A", "B", 'The word for {text} is:"', "C"])
def test_a_prompts_tail_survives(tmp_path: Path, template: str) -> None:
    """Of a text of 10,000 words the end of the template is still what `last` pools."""
    import numpy as np
    import torch
    from transformers import AutoModel

    import angle_bench
    from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
    from angle_bench.checkpoints.loading.tokenizer import load_tokenizer
    from angle_bench.checkpoints.templates import render, typed_template
    from angle_bench.encoding.tokenise import tokenise

    folder = build_tiny(tmp_path / "m", "llama", "left")
    long = "dog " * 10_000
    encoder = angle_bench.load(
        str(folder), pooling="last", prompt=template, max_length=60, device="cpu:1"
    )
    found = encoder.encode([long, "dog"])
    encoder.close()
    used = typed_template(template)
    tail = used.partition("{text}")[2]
    tokenizer = load_tokenizer(CheckpointPaths(folder))
    cut = tokenise(tokenizer, [render(used, long)], 60, len(tail)).ids
    ending = tokenizer(tail, add_special_tokens=False)["input_ids"]
    special = tokenizer.num_special_tokens_to_add() // 2
    assert len(cut) == 60
    assert list(cut[len(cut) - special - len(ending) : len(cut) - special]) == ending
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        hidden = model(input_ids=torch.tensor(cut[None].astype("int64"))).last_hidden_state
    np.testing.assert_allclose(found[0], hidden[0, -1].numpy(), atol=1e-5, rtol=0)
    assert np.abs(found[0] - found[1]).max() > 1e-3  # the text in between still counts


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--prompt", "{txt}"), "exactly once"),
        (("--prompt", "{text} {text}"), "exactly once"),
        (("--prompt", ""), "an empty prompt is written none"),
        (("--prompts", "authors"), "there is no prompt policy authors"),
        (("--prompts", "mteb"), "mteb has no prompts of local/tiny-bert"),
        (("--prompts", "mteb", "--prompt", "A"), "cannot be combined"),
        (("--pooling", "all"), "--pooling all is not possible"),
        (("--pooling", "-1"), "--pooling -1 is not possible"),
        (("--layers", "3"), "has the layers 0 (the embeddings) to 2"),
        (("--sizes", "64"), "has vectors of 32 dimensions"),
        (("--base", "nowhere"), "--base is for adapters"),
    ],
)
def test_what_cannot_be_meant(
    cli: Cli, tiny_bert: Path, tmp_path: Path, words: tuple[str, ...], what: str
) -> None:
    ended = cli("run", "-m", "./tiny-bert", *DEMO, *words)
    assert ended.code == 2, ended.err
    assert what in ended.errors[0]
    assert not (tmp_path / "results").exists()
