"""`{instruction}` and other words in braces, wherever a prompt is written."""

import json
from pathlib import Path

import pytest

import angle_bench
from angle_bench.errors import UsageError
from angle_bench.evaluation.scoring.score import build
from angle_bench.evaluation.task_data import locate
from angle_bench.suites.user_task_file import users_tasks
from angle_bench.training.recipe.data_sections import Prompts
from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli

WANTS = r"Instruct: {instruction}\nQuery: {text}"
STS = "Retrieve semantically similar text."
CPU = ("--pooling", "mean", "-d", "cpu:1")


def prompts_of(task: str) -> dict[str, str]:
    (record,) = Path("results").rglob(f".angle-bench/{task}.json")
    found: dict[str, str] = json.loads(record.read_text())["prompts"]
    return found


def scores(task: str) -> list[float]:
    return sorted(
        json.loads(place.read_text())["scores"]["test"][0]["main_score"]
        for place in Path("results").rglob(f"{task}.json")
        if place.parent.name != ".angle-bench"
    )


@pytest.mark.process
def test_a_run_fills_the_task_s_instruction_and_says_the_template(
    cli: Cli, tiny_bert: Path
) -> None:
    ended = cli("run", "-m", tiny_bert, *CPU, "-t", "demo", "--prompt", WANTS)
    assert ended.code == 0
    assert r"{instruction}\nQuery" in ended.err  # the header says what was typed
    assert prompts_of("AngleBenchDemo") == {"text": f"Instruct: {STS}\nQuery: {{text}}"}
    written = f"Instruct: {STS}\nQuery: {{text}}"
    assert cli("run", "-m", tiny_bert, *CPU, "-t", "demo", "--prompt", written).code == 0
    first, second = scores("AngleBenchDemo")
    assert first == second


@pytest.mark.parametrize("word", ["{query}", "{instructions}", "{Text}"])
@pytest.mark.parametrize("verb", [("run", "-t", "demo"), ("encode", "t.txt", "-o", "v.npy")])
def test_a_word_that_nothing_fills_is_a_usage_error(
    cli: Cli, tiny_bert: Path, word: str, verb: tuple[str, ...]
) -> None:
    Path("t.txt").write_text("a cat\n")
    ended = cli(*verb, "-m", tiny_bert, *CPU, "--prompt", f"{word}: {{text}}")
    assert ended.code == 2
    assert word in ended.errors[0]
    assert f"{{{word}}}" in ended.errors[0]  # how it is written if it is meant


def test_encode_has_no_task_and_refuses(cli: Cli, tiny_bert: Path) -> None:
    Path("t.txt").write_text("a cat\n")
    words = ("encode", "t.txt", "-o", "v.npy", "-m", tiny_bert, *CPU, "--prompt", WANTS)
    ended = cli(*words)
    assert ended.code == 2
    assert "instruction" in ended.errors[0]
    assert not Path("v.npy").exists()


def test_mine_negatives_has_no_task_and_refuses(cli: Cli, tiny_bert: Path) -> None:
    rows = "".join(json.dumps({"query": f"a {n}", "positive": f"b {n}"}) + "\n" for n in range(9))
    Path("p.jsonl").write_text(rows)
    words = ("mine-negatives", "p.jsonl", "-o", "n.jsonl", "-m", tiny_bert, *CPU)
    ended = cli(*words, "--prompt", WANTS)
    assert (ended.code, Path("n.jsonl").exists()) == (2, False)
    assert "instruction" in ended.errors[0]


def test_in_python_texts_outside_of_a_task_are_refused(tiny_bert: Path) -> None:
    encoder = angle_bench.load(str(tiny_bert), pooling="mean", prompt=WANTS, device="cpu:1")
    with pytest.raises(UsageError, match="instruction of a task"):
        encoder.encode(["a cat"])
    encoder.close()


@pytest.mark.parametrize("word", ["{instruction}", "{query}"])
@pytest.mark.parametrize("place", ["text", "query", "document"])
def test_recipes_refuse_what_training_cannot_fill(word: str, place: str) -> None:
    with pytest.raises(ValueError, match=word):
        Prompts.model_validate({place: f"{word} {{text}}"})


@pytest.mark.process
def test_a_row_of_the_user_s_file(cli: Cli, tiny_bert: Path) -> None:
    row = f'[[model]]\nname = "mine"\npath = "{tiny_bert}"\npooling = "mean"\n[model.prompts]\n'
    place = Path("angle-bench.toml")
    place.write_text(row + 'default = "{instruktion}: {text}"\n')
    ended = cli("run", "-m", "mine", "-d", "cpu:1", "-t", "demo")
    assert ended.code == 2
    assert "{instruktion}" in ended.errors[0]
    place.write_text(row + 'default = "{instruction}: {text}"\n')
    assert cli("run", "-m", "mine", "-d", "cpu:1", "-t", "demo").code == 0
    assert prompts_of("AngleBenchDemo") == {"text": f"{STS}: {{text}}"}


@pytest.mark.process
@pytest.mark.long
def test_an_own_task_s_instruction_is_used_and_counts(cli: Cli, tiny_bert: Path) -> None:
    write_rows(Path("faq.jsonl"), sts_rows())
    task = '[[task]]\nname = "faq"\ntype = "STS"\npath = "faq.jsonl"\n'
    words = ("run", "-m", tiny_bert, *CPU, "-t", "faq", "--prompt", "{instruction} {text}")
    filled = []
    for instruction in ("", "Same?", "Other?"):
        line = f'instruction = "{instruction}"\n' if instruction else ""
        Path("angle-bench.toml").write_text(task + line)
        assert cli(*words).code == 0
        filled.append(prompts_of("faq")["text"])
    assert filled == [f"{STS} {{text}}", "Same? {text}", "Other? {text}"]


def test_an_instruction_by_role_is_mteb_s_prompt(cli: Cli) -> None:
    write_rows(Path("r.jsonl"), [{"query": "q", "positive": ["p"], "negative": ["n"]}])
    place = Path("angle-bench.toml")
    task = '[[task]]\nname = "r"\ntype = "Reranking"\npath = "r.jsonl"\n'
    place.write_text(task + 'instruction = {query = "Find it"}\n')
    (found,) = users_tasks()
    assert build(found, locate(found, None)).metadata.prompt == {"query": "Find it"}
    place.write_text(task + 'instruction = {qery = "Find it"}\n')
    with pytest.raises(UsageError, match="qery"):
        users_tasks()
    place.write_text(task.replace("Reranking", "STS") + 'instruction = {query = "Find it"}\n')
    with pytest.raises(UsageError, match="by role"):
        users_tasks()
