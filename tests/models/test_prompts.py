"""Prompts: which template wins, what a template must hold, how it is filled."""

import hashlib
import itertools
import json
import random
import re
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from angle_bench.checkpoints.prompts import PromptPolicy, base_task, mteb_policy
from angle_bench.checkpoints.spec import Settings
from angle_bench.checkpoints.templates import as_template, prepare_sentence, render, typed_template

BY_TASK_AND_ROLE = {"task": {"NFCorpus": {"query": "task role {text}"}}}
BY_TASK = {"task": {"NFCorpus": "task {text}"}}
BY_TYPE_AND_ROLE = {"type": {"Retrieval": {"query": "type role {text}"}}}
BY_TYPE = {"type": {"Retrieval": "type {text}"}}
BY_ROLE = {"role": {"query": "role {text}"}}
DEFAULT = {"default": "default {text}"}


def policy(*parts: dict[str, Any]) -> PromptPolicy:
    return PromptPolicy.model_validate(
        {key: value for part in parts for key, value in part.items()}
    )


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([BY_TASK_AND_ROLE, BY_TYPE_AND_ROLE, BY_ROLE, DEFAULT], "task role {text}"),
        ([BY_TASK, BY_TYPE_AND_ROLE, BY_ROLE, DEFAULT], "task {text}"),
        ([BY_TYPE_AND_ROLE, BY_ROLE, DEFAULT], "type role {text}"),
        ([BY_TYPE, BY_ROLE, DEFAULT], "type {text}"),
        ([BY_ROLE, DEFAULT], "role {text}"),
        ([DEFAULT], "default {text}"),
        ([], ""),
    ],
)
def test_first_match_wins(parts: list[dict[str, Any]], expected: str) -> None:
    assert policy(*parts).template_for("NFCorpus", "Retrieval", "query") == expected


@pytest.mark.parametrize(
    "none",
    [
        {"task": {"NFCorpus": {"query": ""}}, **BY_TYPE, **BY_ROLE, **DEFAULT},
        {"task": {"NFCorpus": ""}, **BY_TYPE, **BY_ROLE, **DEFAULT},
        {"type": {"Retrieval": {"query": ""}}, **BY_ROLE, **DEFAULT},
        {"type": {"Retrieval": ""}, **BY_ROLE, **DEFAULT},
        {"role": {"query": ""}, **DEFAULT},
    ],
)
def test_an_empty_template_means_none_and_stops_the_search(none: dict[str, Any]) -> None:
    assert policy(none).template_for("NFCorpus", "Retrieval", "query") == ""


@pytest.mark.parametrize(
    ("task", "task_type", "role", "expected"),
    [
        ("NFCorpus", "Retrieval", "document", "default {text}"),  # entries for another role
        ("NFCorpus", "Retrieval", None, "default {text}"),  # a text without a role
        ("STS12", "STS", None, "default {text}"),
        ("SciFact", "Retrieval", "query", "type role {text}"),
        (None, None, "query", "role {text}"),  # a list of strings, outside any task
        (None, None, None, "default {text}"),
    ],
)
def test_an_entry_that_does_not_apply_is_passed_over(
    task: str | None, task_type: str | None, role: str | None, expected: str
) -> None:
    parts = policy(BY_TASK_AND_ROLE, BY_TYPE_AND_ROLE, BY_ROLE, DEFAULT)
    assert parts.template_for(task, task_type, role) == expected


@pytest.mark.parametrize(
    ("variant", "base"),
    [
        ("CQADupstackTexRetrieval", "CQADupstackRetrieval"),
        ("CQADupstackAndroidRetrieval", "CQADupstackRetrieval"),
        ("CQADupstackRetrieval", "CQADupstackRetrieval"),
        ("STS22.v2", "STS22"),
        ("Banking77Classification.v3", "Banking77Classification"),
        ("FEVERHardNegatives", "FEVER"),
        ("ClimateFEVERHardNegatives.v2", "ClimateFEVER"),
        ("Touche2020Retrieval.v3", "Touche2020"),
        ("Touche2020", "Touche2020"),
        ("ArguAna", "ArguAna"),
        ("STSBenchmark", "STSBenchmark"),
    ],
)
def test_variants_inherit_the_entry_of_their_base(variant: str, base: str) -> None:
    assert base_task(variant) == base
    entry = PromptPolicy(task={base: {"query": "base {text}"}}, default="default {text}")
    assert entry.template_for(variant, "Any", "query") == "base {text}"


def test_a_variants_own_entry_beats_its_bases() -> None:
    entries = PromptPolicy(task={"FEVER": "base {text}", "FEVERHardNegatives": "own {text}"})
    assert entries.template_for("FEVERHardNegatives", "Retrieval", "query") == "own {text}"
    assert entries.template_for("FEVER", "Retrieval", "query") == "base {text}"


@pytest.mark.parametrize("template", ["query: ", "query: {txt}", "{text} {text}", "{ text }", " "])
@pytest.mark.parametrize("place", ["default", "role", "type", "type role", "task", "task role"])
def test_a_template_without_exactly_one_text_is_refused(template: str, place: str) -> None:
    field, *role = place.split()
    inner = {"query": template} if role else template
    value = {"default": template, "role": {"query": template}}.get(field, {"A": inner})
    with pytest.raises(ValidationError, match="exactly once"):
        PromptPolicy.model_validate({field: value})


@pytest.mark.parametrize(
    ("template", "text", "expected"),
    [
        ("", "a {text} in braces", "a {text} in braces"),
        ("query: {text}", "cat", "query: cat"),
        ('Summarize "{text}" in one word:"', "a cat", 'Summarize "a cat" in one word:"'),
        ('{"a": {0}} {text} {}', "cat", '{"a": {0}} cat {}'),
        ("{text}!", "{text} {0} \\1", "{text} {0} \\1!"),
        ("query: {text}", "", "query: "),
    ],
)
def test_render_fills_the_text_and_nothing_else(template: str, text: str, expected: str) -> None:
    assert render(template, text) == expected


@pytest.mark.parametrize(
    ("typed", "template"),
    [
        ("A", 'Summarize sentence "{text}" in one word:"'),
        ("b", 'You can only output one word. Summarize "{text}":"'),
        ("C", "Represent this sentence for searching relevant passages: {text}"),
        ("None", ""),
        ("query: {text}", "query: {text}"),
    ],
)
def test_a_prompt_is_named_or_written(typed: str, template: str) -> None:
    assert typed_template(typed) == template


@pytest.mark.parametrize("typed", ["", "  ", "D", "query:", "{txt}", "{text} and {text}"])
def test_what_is_neither_a_name_nor_a_template_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"none|exactly once"):
        typed_template(typed)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("A dog runs", "A dog runs."),
        ("A dog runs.", "A dog runs."),
        ("Does a dog run?", "Does a dog run."),
        ('She said "go"', "She said 'go'"),
        ("It is the dogs'", "It is the dogs'"),
        ('Is it "this"?', "Is it 'this'."),
        ("Stop!", "Stop!."),
        ("", ""),
        ("?", "."),
    ],
)
def test_a_sentence_is_prepared_as_the_authors_script_does(text: str, prepared: str) -> None:
    assert prepare_sentence(text) == prepared


@pytest.mark.parametrize(
    ("task", "task_type", "role", "expected"),
    [
        ("ArguAna", "Retrieval", "query", "arguana query: {text}"),
        ("ArguAna", "Retrieval", "document", "document: {text}"),
        ("NFCorpus", "Retrieval", "query", "query: {text}"),
        ("STS12", "STS", None, "Compare {text}"),
        ("SICK-R", "STS", None, "sick: {text}"),
        ("Banking77Classification", "Classification", None, ""),
    ],
)
def test_prompts_under_mtebs_keys(
    task: str, task_type: str, role: str | None, expected: str
) -> None:
    policy = mteb_policy(
        {
            "query": "query: ",
            "document": "document: ",
            "ArguAna-query": "arguana query: ",
            "STS": "Compare ",
            "SICK-R": "sick: ",
            "Classification": "",
        }
    )
    assert policy.template_for(task, task_type, role) == expected


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, "no prompt"),
        ({"default": "query: {text}", "role": {"query": ""}}, "prompt 'query: {text}'"),
        ({"role": {"query": "query: {text}"}}, "prompts by task"),
    ],
)
def test_without_tasks_the_prompts_there_are_are_told(parts: dict[str, Any], said: str) -> None:
    assert PromptPolicy.model_validate(parts).summary([]) == said


def test_the_lines_of_a_policy_name_every_task_and_role() -> None:
    mixed = policy(BY_TASK_AND_ROLE)
    tasks = [("NFCorpus", "Retrieval"), ("STS12", "STS")]
    assert mixed.by_template(tasks) == [
        "prompt 'task role {text}': NFCorpus (query)",
        "prompt none: NFCorpus (document), STS12",
    ]


NAMES = ("FEVER", "FEVERHardNegatives", "CQADupstackTexRetrieval", "STS-B", "Own-task")
TYPES = ("Retrieval", "STS", "Classification", "InstructionReranking")
ROLES = (None, "query", "document")


@pytest.mark.parametrize("seed", range(40))
def test_the_order_is_mteb_s_for_any_keys(seed: int) -> None:
    """Against mteb's own function, over random sets of keys and every task, type and role."""
    from mteb.models.abs_encoder import get_prompt_name
    from mteb.types import PromptType

    draw = random.Random(seed)
    words = [*NAMES, *TYPES, "CQADupstackRetrieval", "s2p"]
    keys = [*words, *(f"{w}-{r}" for w in words for r in ROLES[1:]), "query", "document"]
    chosen = draw.sample(keys, draw.randint(0, len(keys)))
    prompts = {key: draw.choice([f"{key}: ", f"{key} {{text}} {{x}} ", ""]) for key in chosen}
    policy = mteb_policy(prompts, default="else: ")
    for name, kind, role in itertools.product(NAMES, TYPES, ROLES):
        meta: Any = SimpleNamespace(name=name, type=kind)
        key = get_prompt_name(prompts, meta, None if role is None else PromptType(role))
        expected = prompts[key] if key else "else: "
        assert render(policy.template_for(name, kind, role), "t") == f"{expected}t", (name, role)


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (("passage", "corpus"), "passage"),
        (("corpus",), "corpus"),
        (("passage", "document", "corpus"), "document"),
        (("Retrieval-passage",), "none"),  # mteb knows no such key
    ],
)
def test_documents_get_the_first_of_sentence_transformers_names(
    names: tuple[str, ...], taken: str
) -> None:
    policy = mteb_policy({name: f"{name}: " for name in names}, default="none: ")
    assert policy.template_for("NFCorpus", "Retrieval", "document") == f"{taken}: {{text}}"
    assert policy.template_for("NFCorpus", "Retrieval", "query") == "none: {text}"


@pytest.mark.parametrize(
    "prefix", ["{text}", "a {x} ", "{{text}} ", "{{{y}}}", "{", "}{", "{0} {}"]
)
def test_a_prefix_stands_before_the_text_as_it_is(prefix: str) -> None:
    assert render(as_template(prefix), "{text} {x}") == prefix + "{text} {x}"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{query}: {text}", "{query}"),
        ("Instruct: {instruktion} {text}", "{instruktion}"),
        ("{text} {instruction} {title}", "{title}"),
    ],
)
def test_a_word_in_braces_that_nothing_fills_is_refused_by_name(template: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        typed_template(template)
    # what is stored already is used as it was
    assert render(template.replace("{instruction}", ""), "t") == template.replace(
        "{instruction}", ""
    ).replace("{text}", "t")


def test_a_literal_word_in_braces_is_doubled() -> None:
    assert render(typed_template("{{query}} {{text}}: {text} {0}"), "t") == "{query} {text}: t {0}"


@pytest.mark.parametrize(
    ("typed", "rendered"),
    [
        (r"a\nb {text}", "a\nb t"),
        (r"a\tb {text}", "a\tb t"),
        (r"a\\nb {text}", r"a\nb t"),
        (r"\d {text}", r"\d t"),
    ],
)
def test_what_a_shell_leaves_of_a_new_line_is_one(typed: str, rendered: str) -> None:
    assert render(typed_template(typed), "t") == rendered


def test_policies_that_are_rendered_as_ever_keep_their_identity() -> None:
    digest = Settings(pooling="cls", max_length=8, prompts=policy(DEFAULT, BY_TASK)).digest()
    assert digest == "52e0d2f2"
    assert policy(DEFAULT).model_dump() == {**DEFAULT, "role": {}, "type": {}, "task": {}}


@pytest.mark.parametrize("template", ["{instruction} {text}", "{{x}} {text}"])
def test_policies_that_are_filled_now_have_another_one(template: str) -> None:
    settings = Settings(pooling="cls", max_length=8, prompts=PromptPolicy(default=template))
    text = json.dumps(
        {"max_length": 8, "pooling": "cls", "prompts": {"default": template}},
        sort_keys=True,
        separators=(",", ":"),
    )
    assert settings.digest() != hashlib.sha256(text.encode()).hexdigest()[:8]
