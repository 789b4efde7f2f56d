"""Settings: their canonical form, its digest, checked changes."""

import hashlib
import json

import pytest
from pydantic import ValidationError

from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.spec import ModelSpec, Settings

SETTINGS = Settings(pooling="cls", max_length=64)


def test_the_digest_is_of_what_differs_from_the_defaults() -> None:
    # so that a setting that a later version adds orphans no stored result
    given = json.dumps({"max_length": 64, "pooling": "cls"}, separators=(",", ":"))
    assert SETTINGS.digest() == hashlib.sha256(given.encode()).hexdigest()[:8]
    assert SETTINGS.canonical() == {
        "attention": "auto",
        "bidirectional_start": None,
        "compile": False,
        "dense": [],
        "dtype": "float32",
        "include_prompt": True,
        "layer": None,
        "lowercase": False,
        "max_length": 64,
        "merge_adapter": False,
        "normalize": False,
        "pooling": "cls",
        "prepare_sentence": False,
        "quantization": None,
        "prompts": {"default": "", "role": {}, "task": {}, "type": {}},
        "similarity": "cosine",
        "size": None,
        "truncate_dim": None,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"pooling": "mean"},
        {"include_prompt": False},
        {"max_length": 65},
        {"dtype": "bfloat16"},
        {"attention": "eager"},
        {"compile": True},
        {"bidirectional_start": 0},
        {"layer": 2},
        {"size": 8},
        {"normalize": True},
        {"prompts": PromptPolicy(default="query: {text}")},
    ],
)
def test_every_setting_changes_the_digest(change: dict[str, object]) -> None:
    changed = SETTINGS.with_changes(**change)
    assert changed.digest() != SETTINGS.digest()
    spec = ModelSpec(name="a", label="a", revision="r", settings=changed, defaults=SETTINGS)
    assert spec.settings_id == changed.digest()


def test_settings_equal_to_the_defaults_have_no_id() -> None:
    same = SETTINGS.with_changes(pooling="cls", max_length=None)
    spec = ModelSpec(name="a", label="a", revision="r", settings=same, defaults=SETTINGS)
    assert spec.settings_id is None


@pytest.mark.parametrize("change", [{"pooling": "foo"}, {"max_length": 0}, {"polling": "cls"}])
def test_changes_are_checked(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SETTINGS.with_changes(**change)
