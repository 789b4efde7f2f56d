"""The model card, as the hub reads it."""

from datetime import date

import pytest
import yaml

from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.spec import Settings
from angle_bench.errors import ModelError
from angle_bench.training.checkpoint.card import CardFacts, model_card, with_new_head

FACTS = CardFacts(
    name="mine",
    settings=Settings(pooling="cls_avg", max_length=128),
    base_model="org/base",
    license="mit",
    datasets=("org/nli",),
    recipe='[model]\nname = "org/base"\n',
    data=("org/nli train: 1,000 rows, 2 dropped (empty)",),
    scores={"STS12": 75.094, "mean of 7": 82.366},
    signature="model:mine|rev:ab",
)


def test_the_head_is_read_by_the_hubs_own_reader() -> None:
    from huggingface_hub import ModelCard

    data = ModelCard(model_card(FACTS)).data.to_dict()
    assert data["base_model"] == "org/base"
    assert data["base_model_relation"] == "finetune"
    assert data["license"] == "mit"
    assert data["library_name"] == "sentence-transformers"
    assert data["datasets"] == ["org/nli"]
    assert "sentence-similarity" in data["tags"]


def test_the_words_hold_recipe_data_scores_and_signature() -> None:
    card = model_card(FACTS)
    assert "| STS12 | 75.09 |" in card
    assert "| mean of 7 | 82.37 |" in card
    assert '```toml\n[model]\nname = "org/base"\n```' in card
    assert "- org/nli train: 1,000 rows, 2 dropped (empty)" in card
    assert "`model:mine|rev:ab`" in card
    assert "pooling `cls_avg`, at most 128 tokens" in card
    assert "selected on test data" not in card


def test_a_folder_is_no_base_for_others_and_a_selection_is_said() -> None:
    tail = PromptPolicy(default='Say "{text}":"')
    facts = CardFacts(
        name="m",
        settings=Settings(pooling="last", max_length=9, prompts=tail),
        base_model="/home/me/base",
        adapter=True,
        selected_on_test=("STSBenchmark test",),
    )
    card = model_card(facts)
    assert "/home/me" not in card
    assert 'library_name: "peft"' in card
    assert "selected on test data: STSBenchmark test" in card
    assert "no place for a prompt with a tail" in card
    assert "SentenceTransformer(" not in card


def test_a_head_is_replaced_and_words_stay() -> None:
    old = "---\nlibrary_name: x\n---\n# Words\n\n---\nmore\n---\n"
    new = with_new_head(old, FACTS)
    assert new.endswith("---\n# Words\n\n---\nmore\n---\n")
    assert "library_name: x" not in new
    with pytest.raises(ModelError, match="is no YAML"):
        with_new_head("---\na: [\n---\n", FACTS)
    with pytest.raises(ModelError, match="holds no keys"):
        with_new_head("---\n- a\n---\n", FACTS)


@pytest.mark.parametrize(
    ("before", "adapter", "relation"),
    [
        ("adapter", False, "finetune"),
        ("adapter", True, "adapter"),
        ("quantized", False, "quantized"),
        (None, False, "finetune"),
    ],
)
def test_what_the_head_said_of_the_base_and_the_data_stays(
    before: str | None, adapter: bool, relation: str
) -> None:
    from huggingface_hub import ModelCard

    old = {"base_model": "org/base", "datasets": ["org/nli"], "language": "vi", "license": "mit"}
    old |= {"tags": ["mine"], "released": date(2026, 11, 1)}
    if before is not None:
        old["base_model_relation"] = before
    facts = CardFacts("m", Settings(pooling="mean", max_length=9), None, adapter)
    card = with_new_head(f"---\n{yaml.safe_dump(old)}---\nwords\n", facts)
    data = ModelCard(card).data.to_dict()
    assert data["base_model"] == "org/base"
    assert data["base_model_relation"] == relation
    assert data["datasets"] == ["org/nli"]
    assert (data["language"], data["license"]) == ("vi", "mit")
    assert {"mine", "angle-bench"} <= set(data["tags"])
    assert str(data["released"]) == "2026-11-01"
    newer = ModelCard(with_new_head(card, FACTS)).data.to_dict()
    assert newer["base_model_relation"] == "finetune"
    assert with_new_head("no head", FACTS).endswith("---\n\nno head")
