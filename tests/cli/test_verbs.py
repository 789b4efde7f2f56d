"""All verbs as one tool: what every one of them takes, says and shows in the same way."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import angle_bench.cli
from angle_bench.cli.app import app
from angle_bench.cli.options import options as shared
from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli
from tests.stored import Pairs, Results
from tests.training.trainings import recipe_of

ROOT = typer.main.get_command(app)
# options that mean something else from verb to verb, and so are explained in other words
OTHER_WORDS = {
    "--tasks",  # of export and submit: stored scores of these
    "--base",  # of leaderboard: a row
    "--column",  # of mine-negatives: THEIRS=OURS
    "--dry-run",  # what is shown differs
    "--format",  # of leaderboard: of the table
    "--margin",  # points of score, or of cosine
    "--model",  # several, one, or patterns
    "--output",  # another file
    "--overwrite",  # of run: results, which are kept aside
    "--to",  # a form, a folder, a size
}
ORDER = [
    *("--mirror", "--offline", "--base", "--trust-remote-code", "--allow-pickle"),
    *("--pooling", "--prompt", "--prompts", "--max-length", "--dtype", "--attention", "--compile"),
    *("--device", "--batch-tokens", "--ray", "--cache-dir", "--no-cache", "--cache-limit"),
    *("--json", "--quiet", "--verbose", "--debug"),
]


def verbs(command: Any = ROOT, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, below in getattr(command, "commands", {}).items():
        yield from verbs(below, (*words, name))
    if words and not hasattr(command, "commands"):
        yield " ".join(words), command


VERBS = dict(verbs())
EVERY = pytest.mark.parametrize("verb", VERBS)


def options(verb: str) -> dict[str, Any]:
    """The options of a verb by their long names, in the order of its help."""
    named = {param.opts[-1]: param for param in VERBS[verb].params}
    return {name: param for name, param in named.items() if name.startswith("--")}


def test_the_verbs_are_looked_at() -> None:
    assert {"run", "mine-negatives", "models check", "cache prune"} <= set(VERBS)
    assert "--json" in options("run")


@EVERY
def test_help_by_either_flag_with_examples(verb: str, cli: Cli) -> None:
    short, long = (cli(*verb.split(), flag) for flag in ("-h", "--help"))
    assert (short.code, short.err, short.out) == (0, "", long.out)
    assert "Examples:" in short.out
    assert 2 <= len(examples(verb)) <= 5


def examples(verb: str) -> list[list[str]]:
    """The example commands under a verb's help, as words."""
    blocks = VERBS[verb].epilog.split("\n\n")
    lines = [" ".join(block.split()) for block in blocks if "angle-bench " in block]
    return [shlex.split(line[line.index("angle-bench ") :])[1:] for line in lines]


@EVERY
def test_the_examples_parse(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text('models = ["a"]\n')
    assert any(" ".join(words).startswith(verb) for words in examples(verb))
    for words in examples(verb):
        named = next(name for name in VERBS if words[: len(name.split())] == name.split())
        rest = words[len(named.split()) :]
        VERBS[named].make_context(named, rest)  # raises what the command would


def test_an_example_that_does_not_parse_would_fail() -> None:
    for words in (["--no-such-option"], ["--limit", "many"], ["--pooling"]):
        with pytest.raises(Exception, match=r"no-such-option|valid integer|requires an argument"):
            VERBS["run"].make_context("run", words)


@EVERY
def test_every_verb_takes_these(verb: str) -> None:
    assert {"--json", "--quiet", "--debug"} <= set(options(verb))


@EVERY
def test_shared_options_stand_in_one_order(verb: str) -> None:
    names = [name for name in options(verb) if name in ORDER]
    if verb == "leaderboard":
        names.remove("--base")  # a row
    assert names == [name for name in ORDER if name in names]


@EVERY
def test_every_value_has_a_placeholder(verb: str) -> None:
    for param in VERBS[verb].params:
        choices = param.opts[-1] in ("--by", "--method")  # which show their values
        assert choices or param.hidden or param.metavar is not None, param.opts


def test_an_option_is_one_thing_everywhere() -> None:
    found: dict[str, set[tuple[Any, ...]]] = {}
    for verb in VERBS:
        for name, param in options(verb).items():
            said = (tuple(param.opts), param.envvar)
            if name not in OTHER_WORDS:
                said += (param.metavar, param.help)
            found.setdefault(name, set()).add(said)
    assert {name: said for name, said in found.items() if len(said) > 1} == {}
    assert all(sum(name in options(verb) for verb in VERBS) > 1 for name in OTHER_WORDS)


def test_what_options_offer_is_what_the_package_takes() -> None:
    """The choices that completion shows are typed once more there, for its speed."""
    from angle_bench.api.exporting import FORMS
    from angle_bench.checkpoints.spec import POOLINGS, Attention, Dtype
    from angle_bench.evaluation.tracking.trackers import TRACKERS
    from angle_bench.reporting.formats.formats import format_of

    def offered(verb: str, option: str) -> set[str]:
        param = options(verb)[option]
        context = typer.Context(VERBS[verb])
        return {item.value for item in param.shell_complete(context, "")}

    assert offered("run", "--pooling") == set(POOLINGS) - {"all", "cls_avg_v0"}
    assert offered("run", "--dtype") == set(Dtype.__args__)
    assert offered("run", "--attention") == set(Attention.__args__) - {"auto"}
    assert offered("export", "--to") == set(FORMS)
    assert offered("train", "--track") == {*TRACKERS, "none"}
    assert offered("run", "--track") == {*TRACKERS, "none"}
    for name in offered("leaderboard", "--format") - {"html"}:
        assert format_of(name, None).name == name


def test_shared_options_are_in_use() -> None:
    """Every declaration of options.py is some verb's."""
    folder = Path(angle_bench.cli.__file__).parent
    text = "\n".join(place.read_text() for place in folder.rglob("*.py"))
    declared = [name for name, value in vars(shared).items() if hasattr(value, "__metadata__")]
    assert len(declared) > 20
    assert [name for name in declared if f"shared.{name} " not in text] == []


@pytest.mark.parametrize(
    ("words", "what", "fix"),
    [
        ("run --modle m", "error: no such option: --modle", "angle-bench run --help"),
        ("compare", "error: missing argument 'BASE'.", "angle-bench compare --help"),
        ("compare a b --by x", "error: invalid value for '--by': 'x' is", "compare --help"),
        ("compare a b", "error: no model with scores is called a: ", "angle-bench run -m a"),
        ("train sts-b --processes 0", "error: invalid value for '--processes': ", "train --help"),
        ("cache prune", "error: missing option '--to'.", "angle-bench cache prune --help"),
        ("run -m tiny-bert -n --max-length 0", "error: --max-length 0 is not", "--max-length 128"),
        ("run -m tiny-bert -n --dtype int8", "error: --dtype int8 is not", "--dtype float32, "),
    ],
)
def test_wrong_words_are_told_in_one_voice(
    words: str, what: str, fix: str, cli: Cli, tiny_bert: Path
) -> None:
    ended = cli(*words.split())
    assert (ended.code, ended.out) == (2, "")
    said, typed = ended.errors
    assert said.startswith(what)
    assert said.endswith(".")
    assert typed.startswith("  type: ")
    assert fix in typed


@pytest.mark.process
@pytest.mark.parametrize(
    "words",
    [
        "models list",
        "models show all-MiniLM-L6-v2",
        "tasks list",
        "tasks list --all",
        "tasks show STS",
        "cache info --cache-dir vectors",
        "cache prune --to 1M --cache-dir vectors",
        "cache clear -y --cache-dir vectors",
        "doctor -t demo",
        "models check tiny",
        "encode texts.txt -m tiny -d cpu:1",
        "export tiny --to sentence-transformers",
        "mine-negatives pairs.csv -m tiny -n",
        "train small.toml -n",
        "run -m tiny -t demo -n",
        "run -m tiny -t demo",
        "run -m tiny -t demo --sizes 8,16",
        "leaderboard -t STS12",
        "compare good bad -t STS12",
        "download -m tiny",
    ],
)
def test_json_stands_alone_on_stdout(words: str, cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    (tmp_path / "angle-bench.toml").write_text(
        f'[[model]]\nname = "tiny"\npath = "{tiny_bert}"\npooling = "mean"\nmax_length = 32\n'
    )
    (tmp_path / "texts.txt").write_text("one\ntwo\n")
    (tmp_path / "pairs.csv").write_text("query,positive\na,b\nc,d\n")
    if words.startswith("train"):
        from angle_bench.training.recipe.to_toml import recipe_toml

        write_rows(tmp_path / "rows.jsonl", sts_rows(8))
        (tmp_path / "small.toml").write_text(recipe_toml(recipe_of(tmp_path, tiny_bert)))
    for seed, name in enumerate(("good", "bad")):
        pairs = Pairs("STS12")
        part = pairs.part(pairs.scores(0.1 + seed, seed))
        Results(tmp_path / "results").put(f"local/{name}", "STS12", part)
    ended = cli(*shlex.split(words), "--json")
    assert (ended.code, ended.errors) == (0, [])
    json.loads(ended.out)
