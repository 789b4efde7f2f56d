"""Several templates for a role, drawn for each row."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from transformers import AutoTokenizer

from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import Settings
from angle_bench.errors import DataError
from angle_bench.training.data.collate import Collator
from angle_bench.training.data.dataset import load_rows
from angle_bench.training.data.prompt_draw import PromptDraw
from angle_bench.training.recipe.data_sections import Prompts
from tests.training.trainings import Seen, assert_same_weights, recipe_of, trained

QUERY = {"query": "q: {text}", "document": "d: {text}"}
MORE = {**QUERY, "more_query": ["find {text}", "{text} ?"], "more_document": ["{text}"]}
POLICY = PromptPolicy(role=QUERY)


def test_a_rows_role_has_one_template_by_seed_epoch_and_row(
    tmp_path: Path, tiny_bert: Path
) -> None:
    rows = load_rows(recipe_of(tmp_path, tiny_bert, "C"))
    prompts = Prompts.model_validate(MORE)
    found: dict[tuple[int, int], list[tuple[str, str, str]]] = {}
    for seed in (1, 2):
        draw = PromptDraw(POLICY, prompts, seed)
        for epoch in range(40):
            examples = [rows[epoch * len(rows) + number] for number in range(len(rows))]
            drawn: Any = [
                tuple(draw.drawn(example, place) for place in range(3)) for example in examples
            ]
            found[seed, epoch] = drawn
            assert all(positive == negative for _, positive, negative in drawn)
    every = [each for drawn in found.values() for each in drawn]
    queries, documents = Counter(q for q, _, _ in every), Counter(d for _, d, _ in every)
    assert set(queries) == {"q: {text}", "find {text}", "{text} ?"}
    assert set(documents) == {"d: {text}", "{text}"}
    for count in queries.values():  # 1920 draws: five standard deviations around the third
        assert abs(count - len(every) / 3) < 5 * (len(every) * 2 / 9) ** 0.5
    both = Counter((q, d) for q, d, _ in every)
    assert len(both) == 6
    assert min(both.values()) > len(every) / 12  # drawn apart
    assert found[1, 0] != found[1, 1] != found[2, 1]


def test_the_batch_has_them_and_copies_stay_known(tmp_path: Path, tiny_bert: Path) -> None:
    """`text_ids` are of the texts, whatever was drawn; `distinct` of what is forwarded."""
    rows = load_rows(recipe_of(tmp_path, tiny_bert, "B"))
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    settings = Settings(pooling="mean", max_length=32, prompts=POLICY)
    collate = Collator(tokenizer, settings, Prompts.model_validate(MORE), 3)
    examples = [rows[epoch * len(rows)] for epoch in range(12)]  # one row twelve times
    batch = collate(examples)
    assert len(set(batch["text_ids"].tolist())) == 2
    assert len(set(batch["distinct"])) == 3 + 2
    plain = Collator(tokenizer, settings)(examples)
    assert plain["text_ids"].tolist() == batch["text_ids"].tolist()
    assert len(set(plain["distinct"])) == 2
    rendered = [text for text, _ in collate.rendered(examples)]
    for place, ids in enumerate(batch["input_ids"].tolist()):
        length = batch["lengths"][place]
        assert ids[:length] == tokenizer(rendered[place])["input_ids"]


@pytest.mark.parametrize("streaming", [False, True])
def test_going_on_draws_the_same(tmp_path: Path, tiny_bert: Path, streaming: bool) -> None:
    train = {"max_steps": 7, "save_steps": 2}
    recipe = recipe_of(tmp_path, tiny_bert, "C", prompts=MORE, train=train)
    recipe = recipe.model_copy(
        update={"data": recipe.data.model_copy(update={"streaming": streaming})}
    )
    whole, _ = trained(recipe, tmp_path / "whole")
    trained(recipe, tmp_path / "stopped", Seen(5))
    ended, _ = trained(recipe, tmp_path / "stopped", resume=True)
    assert_same_weights(whole.folder, ended.folder)
    kept = resolve(str(whole.folder)).required_settings().prompts
    assert kept.template_for(None, None, "query") == "q: {text}"
    plain = recipe.model_copy(update={"prompts": Prompts.model_validate(QUERY)})
    other, _ = trained(plain, tmp_path / "plain")
    with pytest.raises(AssertionError):
        assert_same_weights(whole.folder, other.folder)


def test_what_cannot_be_meant(tmp_path: Path, tiny_bert: Path) -> None:
    for more, said in (
        ({"more_query": ["no place"]}, "must hold"),
        ({"query": "a {text}", "more_query": ["a {text}"]}, "hold a template twice"),
        ({"more_querys": []}, "Extra inputs"),
    ):
        with pytest.raises(ValidationError, match=said):
            recipe_of(tmp_path, tiny_bert, "B", prompts=more)
    with pytest.raises(DataError, match=r"prompts\.more_query is for data of another format"):
        load_rows(recipe_of(tmp_path, tiny_bert, "A", prompts={"more_query": ["a {text}"]}))
    with pytest.raises(DataError, match=r"prompts\.more_text is for data of another format"):
        load_rows(recipe_of(tmp_path, tiny_bert, "B", prompts={"more_text": ["a {text}"]}))
