"""The registry: rows are sound, and their prompts are those of the authors' own script."""

import pytest

from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.registry.mteb_models import known_names, mteb_models
from angle_bench.checkpoints.registry.registry import find, registry
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.templates import NAMED
from angle_bench.suites.select import select

PROMPT_C = "Represent this sentence for searching relevant passages: {text}"
AUTHORS_SCRIPT = [
    "WhereIsAI/UAE-Large-V1",
    "mixedbread-ai/mxbai-embed-large-v1",
    "mixedbread-ai/mxbai-embed-2d-large-v1",
]


@pytest.mark.parametrize("name", AUTHORS_SCRIPT)
@pytest.mark.parametrize(
    ("task", "task_type", "role", "expected"),
    [
        ("NFCorpus", "Retrieval", "query", PROMPT_C),
        ("ClimateFEVERHardNegatives", "Retrieval", "query", PROMPT_C),
        ("CQADupstackTexRetrieval", "Retrieval", "query", PROMPT_C),
        ("Touche2020Retrieval.v3", "Retrieval", "query", PROMPT_C),
        ("NFCorpus", "Retrieval", "document", ""),
        ("CQADupstackTexRetrieval", "Retrieval", "document", ""),
        ("ArguAna", "Retrieval", "query", ""),
        ("ArguAna", "Retrieval", "document", ""),
        ("QuoraRetrieval", "Retrieval", "query", ""),
        ("QuoraRetrievalHardNegatives", "Retrieval", "query", ""),
        ("AskUbuntuDupQuestions", "Reranking", "query", ""),
        ("STS12", "STS", None, ""),
        ("SummEval", "Summarization", None, ""),
    ],
)
def test_prompts_are_those_of_the_authors_script(
    name: str, task: str, task_type: str, role: str | None, expected: str
) -> None:
    prompts = registry()[name].settings().prompts
    assert prompts.template_for(task, task_type, role) == expected


@pytest.mark.parametrize(
    ("name", "revision", "pooling", "normalize", "max_length"),
    [
        ("UAE-Large-V1", "369c368f70f16a613f19f5598d4f12d9f44235d4", "cls", False, 512),
        ("mxbai-embed-large-v1", "990580e27d329c7408b3741ecff85876e128e203", "cls", False, 512),
        ("all-MiniLM-L6-v2", "8b3219a92973c328a8e22fadcfa821b5dc75636a", "mean", True, 256),
        ("angle-bert-base-uncased-nli-en-v1", None, "cls_avg", False, 128),
        ("UAE-Code-Large-V1", None, "cls", False, 512),
        ("pubmed-angle-base-en", None, "cls", False, 512),
        ("pubmed-angle-large-en", None, "cls", False, 512),
        ("angle-roberta-wwm-base-zhnli-v1", None, "cls", False, 512),
        ("2dmse-bert-base-nli-v1", None, "cls", False, 512),
        ("bge-large-en-v1.5", "d4aa6901d3a41ba39fb536a557fa166f842b0e09", "cls", True, 512),
        ("phobert-base-v2", None, "cls", False, 256),
    ],
)
def test_rows_say_what_the_model_cards_say(
    name: str, revision: str | None, pooling: str, normalize: bool, max_length: int
) -> None:
    entry = find(name)
    assert entry is not None
    settings = entry.settings()
    assert entry.revision == revision
    assert (settings.pooling, settings.normalize) == (pooling, normalize)
    assert (settings.max_length, settings.dtype) == (max_length, "float32")


@pytest.mark.parametrize("size", ["small", "base", "large"])
@pytest.mark.parametrize(
    ("task", "role", "expected"),
    [("NFCorpus", "query", PROMPT_C), ("ArguAna", "query", PROMPT_C), ("NFCorpus", "document", "")],
)
def test_bge_has_its_prompt_on_every_retrieval_query(
    size: str, task: str, role: str, expected: str
) -> None:
    prompts = registry()[f"BAAI/bge-{size}-en-v1.5"].settings().prompts
    assert prompts.template_for(task, "Retrieval", role) == expected
    assert prompts.template_for("STS12", "STS", None) == ""


def test_short_names_are_unambiguous() -> None:
    short = [entry.short_name.casefold() for entry in registry().values()]
    assert len(set(short)) == len(short)


def test_known_names_are_the_registrys_then_mtebs_each_once() -> None:
    names = known_names()
    assert names[: len(registry())] == list(registry())
    assert len(set(names)) == len(names)
    assert set(names) == set(registry()) | set(mteb_models())


def test_a_name_that_both_know_is_loaded_by_us() -> None:
    both = set(registry()) & set(mteb_models())
    assert "WhereIsAI/UAE-Large-V1" in both
    assert resolve("WhereIsAI/UAE-Large-V1").loader == "transformers"


# REFERENCE: where the authors' own MTEB script puts the prompt
WITH_PROMPT = {
    *("CQADupstackRetrieval", "Touche2020", "SciFact", "TRECCOVID", "NQ", "NFCorpus", "MSMARCO"),
    *("HotpotQA", "FiQA2018", "FEVER", "DBPedia", "ClimateFEVER", "SCIDOCS"),
}


@pytest.mark.parametrize("name", AUTHORS_SCRIPT)
@pytest.mark.parametrize("suite", ["MTEB(eng, v1)", "MTEB(eng, v2)"])
def test_the_policy_on_every_task_of_a_benchmark(name: str, suite: str) -> None:
    prompts = registry()[name].settings().prompts
    seen = set()
    for task in select([suite]).task:
        base = task.name.removesuffix(".v3").removesuffix("HardNegatives").removesuffix(".v2")
        if base.startswith("CQADupstack"):
            base = "CQADupstackRetrieval"
        expected = PROMPT_C if {base, base.removesuffix("Retrieval")} & WITH_PROMPT else ""
        assert prompts.template_for(task.name, task.type, "query") == expected, task.name
        assert prompts.template_for(task.name, task.type, "document") == "", task.name
        assert prompts.template_for(task.name, task.type, None) == "", task.name
        seen |= {base} if expected else set()
    assert len(seen) >= 8


def test_every_row_says_all_that_a_run_needs() -> None:
    for entry in registry().values():
        assert entry.pooling is not None, entry.name
        assert entry.max_length is not None, entry.name
        assert entry.shape is not None, entry.name
        assert entry.source, entry.name
        assert entry.padding_side, entry.name
        assert entry.settings().pooling == entry.pooling


@pytest.mark.parametrize(
    ("name", "base", "prompt", "start", "prepared"),
    [
        ("angle-llama-7b-nli-20231027", "NousResearch/Llama-2-7b-hf", NAMED["A"], None, True),
        ("angle-llama-7b-nli-v2", "NousResearch/Llama-2-7b-hf", NAMED["A"], None, True),
        ("angle-llama-13b-nli", "NousResearch/Llama-2-13b-hf", NAMED["A"], None, True),
        ("angle-llama-7b-zhnli-v1", "NousResearch/Llama-2-7b-hf", NAMED["B"], None, False),
        (
            "bellm-llama-7b-nli",
            "NousResearch/Llama-2-7b-hf",
            'The representative word for sentence {text} is:"',
            31,
            True,
        ),
    ],
)
def test_language_models(
    name: str, base: str, prompt: str, start: int | None, prepared: bool
) -> None:
    entry = find(name)
    assert entry is not None
    settings = entry.settings()
    assert (entry.base, settings.pooling) == (base, "last")
    assert settings.prompts.template_for("STS12", "STS", None) == prompt
    assert (settings.bidirectional_start, settings.prepare_sentence) == (start, prepared)


def test_published_means_are_the_means_of_their_scores() -> None:
    """As published; where somebody rounded otherwise, within a hundredth."""
    for entry in registry().values():
        for each in entry.published:
            if each.average is not None and each.scores:
                mean = sum(each.scores.values()) / len(each.scores)
                assert abs(mean - each.average) < 0.011, (entry.name, each.source)


@pytest.mark.parametrize(
    ("task", "task_type", "role", "expected"),
    [
        ("NFCorpus", "Retrieval", "query", PROMPT_C),
        ("ArguAna", "Retrieval", "query", PROMPT_C),
        ("AskUbuntuDupQuestions", "Reranking", "query", PROMPT_C),
        ("SummEval", "Summarization", None, NAMED["A"]),
        ("STS12", "STS", None, ""),
    ],
)
def test_mtebs_own_policy_is_another_one(
    task: str, task_type: str, role: str | None, expected: str
) -> None:
    spec = resolve("WhereIsAI/UAE-Large-V1", Overrides(prompts="mteb"))
    used = spec.required_settings()
    assert used.prompts.template_for(task, task_type, role) == expected
    assert spec.settings_id is not None
