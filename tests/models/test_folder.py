"""What a checkpoint folder's own files say, in both layouts, old and new, whole and broken."""

import json
from pathlib import Path
from typing import Any

import pytest

from angle_bench.checkpoints.folder.read_folder import looks_like_checkpoint, read_folder
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.resolve import resolve
from angle_bench.errors import ModelError, UsageError
from tests.checkpoints import add_sentence_transformers_files

OLD_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
OLD_POOLINGS = {
    "word_embedding_dimension": 32,
    "pooling_mode_cls_token": False,
    "pooling_mode_mean_tokens": False,
    "pooling_mode_max_tokens": False,
    "pooling_mode_mean_sqrt_len_tokens": False,
}


def change(place: Path, **values: Any) -> None:
    """Set keys of a JSON file; None removes one."""
    known = json.loads(place.read_text()) if place.is_file() else {}
    place.parent.mkdir(exist_ok=True)
    kept = {key: value for key, value in {**known, **values}.items() if value is not None}
    place.write_text(json.dumps(kept))


def make_old(folder: Path, **poolings: Any) -> Path:
    """Add the files of sentence-transformers 2 to a plain folder."""
    (folder / "modules.json").write_text(json.dumps(OLD_MODULES))
    change(folder / "1_Pooling/config.json", **OLD_POOLINGS | poolings)
    return folder


def test_a_plain_folder_records_no_pooling(tiny_bert: Path) -> None:
    facts = read_folder(tiny_bert)
    assert (facts.settings.pooling, facts.settings.normalize) == ("cls", False)
    assert (facts.settings.max_length, facts.settings.dtype) == (64, "float32")
    assert facts.settings.prompts == PromptPolicy()
    assert facts.note is not None
    assert str(tiny_bert) in facts.note
    assert "--pooling" in facts.note


def test_a_typed_pooling_needs_no_note(tiny_bert: Path) -> None:
    assert resolve(str(tiny_bert)).note is not None
    spec = resolve(str(tiny_bert), Overrides(pooling="cls"))
    assert (spec.note, spec.settings_id) == (None, None)


NO_LIMIT = int(1e30)


@pytest.mark.parametrize(
    ("model_type", "positions", "tokenizer_limit", "expected"),
    [
        ("bert", 64, 512, 64),
        ("bert", 512, 128, 128),
        ("bert", 512, None, 512),
        ("bert", 512, NO_LIMIT, 512),
        ("roberta", 514, NO_LIMIT, 512),
        ("roberta", 514, 512, 512),
        ("roberta", 258, 512, 256),
        ("xlm-roberta", 514, None, 512),
        ("camembert", 514, None, 512),
        ("mpnet", 514, NO_LIMIT, 512),
        ("llama", 4096, NO_LIMIT, 4096),
        ("other", None, NO_LIMIT, 512),
        ("other", None, None, 512),
        ("other", None, 2048, 2048),
    ],
)
def test_max_length_is_what_tokenizer_and_positions_allow(
    tiny_bert: Path,
    model_type: str,
    positions: int | None,
    tokenizer_limit: int | None,
    expected: int,
) -> None:
    change(tiny_bert / "config.json", model_type=model_type, max_position_embeddings=positions)
    change(tiny_bert / "tokenizer_config.json", model_max_length=tokenizer_limit)
    assert read_folder(tiny_bert).settings.max_length == expected


def test_without_a_tokenizer_config_the_positions_decide(tiny_bert: Path) -> None:
    (tiny_bert / "tokenizer_config.json").unlink()
    assert read_folder(tiny_bert).settings.max_length == 64


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("mean", "mean"), ("cls", "cls"), ("max", "max"), ("lasttoken", "last")],
)
@pytest.mark.parametrize("normalize", [True, False])
def test_a_folder_of_sentence_transformers_itself(
    tiny_bert: Path, mode: str, expected: str, normalize: bool
) -> None:
    add_sentence_transformers_files(tiny_bert, mode, normalize=normalize, max_length=32)
    facts = read_folder(tiny_bert)
    assert (facts.settings.pooling, facts.settings.normalize) == (expected, normalize)
    assert (facts.settings.max_length, facts.note) == (32, None)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("pooling_mode_cls_token", "cls"),
        ("pooling_mode_mean_tokens", "mean"),
        ("pooling_mode_max_tokens", "max"),
        ("pooling_mode_lasttoken", "last"),
    ],
)
def test_an_old_folder(tiny_bert: Path, key: str, expected: str) -> None:
    make_old(tiny_bert, **{key: True})
    assert read_folder(tiny_bert).settings.max_length == 64  # the transformer's own limit
    change(tiny_bert / "sentence_bert_config.json", max_seq_length=48, do_lower_case=False)
    settings = read_folder(tiny_bert).settings
    assert (settings.pooling, settings.normalize, settings.max_length) == (expected, False, 48)


def test_minilm_as_a_folder(minilm: Path) -> None:
    settings = read_folder(minilm).settings
    assert (settings.pooling, settings.normalize, settings.max_length) == ("mean", True, 256)


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},  # concatenated
        {"pooling_mode_mean_sqrt_len_tokens": True},
        {"pooling_mode_weightedmean_tokens": True},
        {"pooling_mode": "weightedmean"},
        {"pooling_mode": ["cls", "mean"]},
    ],
)
def test_a_pooling_that_we_lack_is_left_to_its_library(
    tiny_bert: Path, pooling: dict[str, Any]
) -> None:
    make_old(tiny_bert, **pooling)
    facts = read_folder(tiny_bert)
    assert facts.loader == "sentence-transformers"
    assert facts.note is not None
    assert "pooling" in facts.note


@pytest.mark.parametrize(
    ("config", "query", "document", "text"),
    [
        ({}, "", "", ""),
        ({"prompts": {"query": "q: ", "document": "d: "}}, "q: {text}", "d: {text}", ""),
        # as sentence-transformers 6.2: of documents `document` alone, whatever else sounds like it
        ({"prompts": {"query": "q: ", "passage": "p: "}}, "q: {text}", "", ""),
        ({"prompts": {"query": "", "document": ""}}, "", "", ""),
        (
            {"prompts": {"s": "s: "}, "default_prompt_name": "s"},
            "",
            "",
            "s: {text}",
        ),
        # an empty prompt is an explicit none, which the default does not fill
        (
            {"prompts": {"query": "q: ", "document": ""}, "default_prompt_name": "query"},
            "q: {text}",
            "",
            "q: {text}",
        ),
    ],
)
def test_prompts_are_read(
    tiny_bert: Path, config: dict[str, Any], query: str, document: str, text: str
) -> None:
    make_old(tiny_bert, pooling_mode_mean_tokens=True)
    change(tiny_bert / "config_sentence_transformers.json", **config)
    policy = read_folder(tiny_bert).settings.prompts
    roles = ("query", "document", None)
    found = [policy.template_for("NFCorpus", "Retrieval", role) for role in roles]
    assert found == [query, document, text]


def test_a_prompt_with_braces_is_no_template(tiny_bert: Path) -> None:
    make_old(tiny_bert, pooling_mode_mean_tokens=True)
    change(tiny_bert / "config_sentence_transformers.json", prompts={"query": "q: {text}"})
    assert read_folder(tiny_bert).loader == "sentence-transformers"


@pytest.mark.parametrize(
    "modules",
    [
        [*OLD_MODULES, {"path": "2_Norm", "type": "sentence_transformers.models.LayerNorm"}],
        [*OLD_MODULES[::-1]],
        [{"path": "0_Bow", "type": "sentence_transformers.models.BoW"}],
        OLD_MODULES[:1],  # no pooling
        [{**OLD_MODULES[0], "path": "0_Transformer"}, OLD_MODULES[1]],
    ],
)
def test_modules_that_we_lack_are_left_to_their_library(
    tiny_bert: Path, modules: list[dict[str, Any]]
) -> None:
    make_old(tiny_bert, pooling_mode_mean_tokens=True)
    (tiny_bert / "modules.json").write_text(json.dumps(modules))
    facts = read_folder(tiny_bert)
    assert facts.loader == "sentence-transformers"
    assert facts.note is not None
    spec = resolve(str(tiny_bert))
    assert (spec.loader, spec.settings, spec.note) == (facts.loader, None, facts.note)
    with pytest.raises(UsageError, match="--pooling"):
        resolve(str(tiny_bert), Overrides(pooling="cls"))


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no weights"),
        ("tokenizer.json", "no tokenizer"),
        ("1_Pooling/config.json", "1_Pooling"),
    ],
)
def test_a_missing_file_is_named(tiny_bert: Path, missing: str, named: str) -> None:
    make_old(tiny_bert, pooling_mode_mean_tokens=True)
    (tiny_bert / missing).unlink()
    with pytest.raises(ModelError, match=named) as caught:
        read_folder(tiny_bert)
    assert str(tiny_bert) in caught.value.what
    assert caught.value.fix


def test_a_pickle_alone_is_refused_as_one(tiny_bert: Path) -> None:
    (tiny_bert / "model.safetensors").rename(tiny_bert / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only a pickle") as caught:
        read_folder(tiny_bert)
    assert "--allow-pickle" in caught.value.fix


JSON_FILES = [
    "config.json",
    "tokenizer_config.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
]


def with_every_file(folder: Path) -> Path:
    make_old(folder, pooling_mode_mean_tokens=True)
    change(folder / "sentence_bert_config.json", do_lower_case=False)
    change(folder / "config_sentence_transformers.json", prompts={"query": "q: "})
    assert read_folder(folder).settings.max_length == 64
    return folder


@pytest.mark.parametrize("keep", ["half", "none"])
@pytest.mark.parametrize("name", JSON_FILES)
def test_a_cut_off_file_is_named(tiny_bert: Path, name: str, keep: str) -> None:
    place = with_every_file(tiny_bert) / name
    whole = place.read_text()
    place.write_text(whole[: len(whole) // 2] if keep == "half" else "")
    with pytest.raises(ModelError) as caught:
        read_folder(tiny_bert)
    assert str(place) in caught.value.what
    assert caught.value.fix


@pytest.mark.parametrize("name", JSON_FILES)
def test_a_file_of_another_shape_is_refused(tiny_bert: Path, name: str) -> None:
    place = with_every_file(tiny_bert) / name
    place.write_text('["no", "such", "thing"]')
    with pytest.raises(ModelError):
        read_folder(tiny_bert)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sentence_bert_config.json", {"max_seq_length": 1}),
        ("tokenizer_config.json", {"model_max_length": 0}),
    ],
)
def test_an_impossible_length_is_refused(
    tiny_bert: Path, name: str, values: dict[str, int]
) -> None:
    change(with_every_file(tiny_bert) / name, **values)
    with pytest.raises(ModelError):
        read_folder(tiny_bert)


@pytest.mark.parametrize("name", ["config.json", "modules.json", "adapter_config.json"])
def test_what_looks_like_a_checkpoint(tmp_path: Path, name: str) -> None:
    assert not looks_like_checkpoint(tmp_path)
    assert not looks_like_checkpoint(tmp_path / "absent")
    (tmp_path / name).touch()
    assert looks_like_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("config.json", '{"architectures": true}', "architectures is no list"),
        ("tokenizer_config.json", "[" * 5000, "cannot be read"),
    ],
)
def test_odd_json_is_named(tiny_bert: Path, name: str, text: str, said: str) -> None:
    place = tiny_bert / name
    if text.startswith("{"):
        text = json.dumps(json.loads(place.read_text()) | json.loads(text))
    place.write_text(text)
    with pytest.raises(ModelError, match=said) as caught:
        read_folder(tiny_bert)
    assert name in caught.value.what
