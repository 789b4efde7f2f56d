"""`angle-bench compare`: names, exit codes, output."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from angle_bench.checkpoints.resolve import resolve
from angle_bench.files.atomic import write_json
from angle_bench.results.training_record import TrainingRecord
from angle_bench.results.training_texts import FILE_NAME
from tests.conftest import Cli
from tests.stored import MEAN, Pairs, Results, put_training

PAIRS = {"STS12": Pairs("STS12"), "STS13": Pairs("STS13")}
TASKS = ("-t", "STS12,STS13")


@pytest.fixture(autouse=True)
def _no_personal_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def put(root: Path, name: str, noise: float, **more: object) -> None:
    for seed, (task, pairs) in enumerate(PAIRS.items()):
        part = pairs.part(pairs.scores(noise, seed))
        Results(root).put(name, task, part, **more)  # type: ignore[arg-type]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    root = tmp_path / "results"
    for name, noise in (("base", 0.3), ("good", 0.1), ("bad", 0.8)):
        put(root, f"local/{name}", noise)
    return root


def test_a_table_and_a_sentence(cli: Cli, results: Path) -> None:
    ended = cli("compare", "base", "bad", "good", *TASKS)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].split() == ["mean", "of", "2", "verdict"]
    assert lines[1].split()[0] == "good"
    assert lines[1].endswith("p < .001  better (2 better)")
    assert lines[2].split()[0] == "bad"
    assert lines[3].startswith("good is better than base on the mean of 2 STS tasks: +")
    assert lines[3].endswith("By task: 2 better, 0 worse, 0 not significant.")
    assert lines[4].startswith("bad is worse than base on the mean of 2 STS tasks: −")
    assert lines[5] == "One training seed: this is about these checkpoints, not the recipe."
    assert lines[6].startswith("Method: difference of the main score in points (×100), 2 tasks, ")
    assert "p by Holm (1979) over 2 candidates" in lines[6]


def test_by_task_and_pairs(cli: Cli, results: Path) -> None:
    ended = cli("compare", "base", "good", *TASKS, "--by", "task", "--method", "pairs")
    assert ended.code == 0
    assert "good by task" in ended.out
    assert "Holm over 2 tasks" in ended.out
    assert "bootstrap over pairs, which treats pairs as independent" in ended.out


def test_json_is_all_that_stdout_holds(cli: Cli, results: Path) -> None:
    ended = cli("compare", "base", "good", *TASKS, "--json", "--changes", "3", "--by", "subset")
    said = json.loads(ended.out)
    assert (said["base"], said["method"], said["margin"]) == ("base", "sentences", 0.3)
    (row,) = said["candidates"]
    assert row["mean"]["verdict"] == "better"
    low, high = row["mean"]["interval"]
    assert low < row["mean"]["difference"] < high
    assert set(row["by_task"]) == {"STS12", "STS13"}
    assert list(row["by_subset"]) == ["STS12 default/test", "STS13 default/test"]
    assert len(row["changes"]) == 3
    assert row["mean"]["degrees_of_freedom"] == row["mean"]["effective_sentences"] - 1


@pytest.mark.parametrize(("name", "code"), [("good", 0), ("bad", 3), ("twin", 0)])
def test_fail_if_worse(cli: Cli, results: Path, name: str, code: int) -> None:
    put(results, "local/twin", 0.301)
    assert cli("compare", "base", name, *TASKS, "--fail-if-worse").code == code
    assert cli("compare", "base", name, *TASKS).code == 0


def test_margin_decides_what_equals(cli: Cli, results: Path) -> None:
    put(results, "local/twin", 0.301)
    wide = cli("compare", "base", "twin", *TASKS, "--margin", "5").out
    assert "equivalent within ±5.00" in wide
    assert "twin and base are equivalent within ±5.00 (TOST, α = .05) on the mean" in wide
    narrow = cli("compare", "base", "twin", *TASKS, "--margin", "0").out
    assert "not significant (minimum detectable difference " in narrow
    assert (
        "The difference of twin to base on the mean of 2 STS tasks is not significant (95 % CI −"
    ) in narrow


def test_what_is_missing_is_a_command_away(cli: Cli, results: Path) -> None:
    ended = cli("compare", "base", "good", "-t", "STS12,STS14")
    assert ended.code == 1
    assert "mean of 1 of 2" in ended.out
    lines = ended.err.splitlines()
    assert "error: good has no scores of STS14." in lines
    fix = lines[lines.index("error: good has no scores of STS14.") + 1]
    words = shlex.split(fix.partition("type: ")[2])
    assert words[:3] == ["angle-bench", "run", "-m"]
    assert words[-2:] == ["-t", "STS14"]


def test_one_without_scores_does_not_stop_the_others(cli: Cli, results: Path) -> None:
    ended = cli("compare", "base", "good", "UAE-Large-V1", *TASKS)
    assert ended.code == 1
    assert "good is better than base" in ended.out
    assert "angle-bench run -m UAE-Large-V1 -t STS12,STS13" in ended.err
    ended = cli("compare", "UAE-Large-V1", "good", *TASKS)
    assert ended.code == 1
    assert ended.out == ""
    assert ended.errors[0] == "error: UAE-Large-V1 has no scores."


def test_unknown_names_are_met_with_the_nearest(cli: Cli, results: Path) -> None:
    ended = cli("compare", "base", "goood", *TASKS)
    assert ended.code == 2
    assert "Did you mean good?" in ended.err
    ended = cli("compare", "base", "mine", *TASKS)  # nothing like it was scored
    assert "Did you mean" not in ended.err
    assert ended.errors[1].startswith("  try: one of the scored models (")


def test_only_what_has_scores_is_suggested(cli: Cli, results: Path) -> None:
    """`baseline-bb25` is a name of mteb, and nobody scored it."""
    ended = cli("compare", "baseline", "good", *TASKS)
    assert ended.code == 2
    assert ended.errors[0] == "error: no model with scores is called baseline. Did you mean base?"
    ended = cli("compare", "untrained", "good", *TASKS)
    assert ended.errors[0] == "error: no model with scores is called untrained."
    assert ended.errors[1] == "  try: one of the scored models (bad, base, good), or a folder"
    ended = cli("compare", "base", "good", *TASKS, "-r", "no-such")
    assert "there are none in these results" in ended.errors[0]


def test_tasks_without_t(cli: Cli, results: Path) -> None:
    for words in (("compare", "base", "good", "sts"), ("leaderboard", "sts")):
        ended = cli(*words)
        assert (ended.code, ended.errors[1]) == (2, "  type: -t sts")


@pytest.mark.parametrize("more", [(), ("--json",), ("--seen", "--by", "task")])
def test_no_task_in_common(cli: Cli, results: Path, more: tuple[str, ...]) -> None:
    """Scores of other tasks than `-t` says, which a forgotten `-t` brings about."""
    put(results, "local/other", 0.1, settings=MEAN.with_changes(pooling="cls"))
    ended = cli("compare", "base", "other", "-t", "STS14,STS16", *more)
    assert ended.code == 1
    assert "error: other has no scores of STS14, STS16." in ended.err.splitlines()
    assert ended.err.splitlines()[-1] == "all of them have scores of: -t STS12,STS13"


def test_a_base_without_scores_differs_in_no_version(cli: Cli, results: Path) -> None:
    pairs = PAIRS["STS12"]
    Results(results).put("local/few", "STS12", pairs.part(pairs.scores(0.1, 0)))
    ended = cli("compare", "few", "good", "-t", "STS13")
    assert (ended.code, ended.out.strip()) == (1, "")
    assert ended.err.splitlines()[-1] == "all of them have scores of: -t STS12"


def test_names_labels_folders_and_revisions(cli: Cli, results: Path, tmp_path: Path) -> None:
    put(
        results,
        "local/ft",
        0.2,
        label="mine",
        settings=MEAN.with_changes(layer=1),
        settings_id="0" * 8,
    )
    stored = next(results.glob("local__good/*"))
    revision = stored.name.removeprefix("sha256-")[:8]
    for word, label in (
        ("good", "good"),
        ("local/good", "good"),
        (f"good@{revision}", "good"),
        (f"x={stored}", "x"),
        ("GOOD", "good"),
    ):
        ended = cli("compare", "base", word, *TASKS, "--json")
        assert ended.code == 0, ended.err
        assert json.loads(ended.out)["candidates"][0]["label"] == label
    ended = cli("compare", "base", "mine layer 1", *TASKS, "--allow-different")
    assert "! mine layer 1: layer 1, base last" in ended.out


def test_every_label_that_a_model_had_is_known(cli: Cli, results: Path) -> None:
    """A model is first run by its name, then under a label, which only the command records."""
    stored = next(results.glob("local__base/*"))
    for stamp, label in (("1", "base"), ("2", "root")):
        outcome = {label: {"folder": f"results/local__base/{stored.name}"}}
        write_json(results / ".runs" / f"{stamp}.json", {"outcome": outcome})
    for word in ("base", "root"):
        ended = cli("compare", word, "good", *TASKS)
        assert ended.code == 0, ended.err
        assert f"good is better than {word} on" in ended.out
    ended = cli("compare", "base", "good", "-t", "STS14")
    assert "-m root=" in ended.err


def put_tiny(results: Path, folder: Path, **settings: object) -> str:
    """Scores of a checkpoint in its folder, under its own settings unless others are given."""
    spec = resolve(str(folder))
    used = spec.required_settings().with_changes(**settings)
    more = {"label": "tiny", "revision": spec.revision, "checkpoint": folder, "settings": used}
    put(results, spec.name, 0.1, **more)
    return spec.revision


def test_settings_that_are_no_longer_a_models_own(cli: Cli, results: Path, tiny_bert: Path) -> None:
    put_tiny(results, tiny_bert, max_length=17)
    ended = cli("compare", "base", tiny_bert, *TASKS, "--allow-different")
    assert ended.code == 1
    assert "scored under other settings" in ended.errors[0]


def test_scores_of_other_weights_are_not_used(cli: Cli, results: Path, tiny_bert: Path) -> None:
    """A checkpoint that was overwritten, by its path and by the label of its run."""
    revision = put_tiny(results, tiny_bert)
    for word in (str(tiny_bert), "tiny", "tiny-bert"):
        ended = cli("compare", "base", word, *TASKS, "--allow-different")
        assert ended.code == 0, ended.err
    config = tiny_bert / "config.json"
    config.write_text(config.read_text() + " ")
    for word in (str(tiny_bert), "tiny", "tiny-bert"):
        ended = cli("compare", "base", word, *TASKS, "--allow-different")
        assert ended.code == 1
        assert "no scores for these weights" in ended.errors[0]
        assert f"scored ones: tiny@{revision[7:15]}" in ended.errors[0]
        assert f"angle-bench run -m {word} -t STS12,STS13" in ended.errors[1]


def test_a_model_beside_itself(cli: Cli, results: Path) -> None:
    ended = cli("compare", "base", "base", *TASKS)
    assert ended.code == 0
    assert "base again is base: the same weights under the same settings." in ended.out


def test_seeds_by_commas_and_by_a_repeated_label(cli: Cli, results: Path) -> None:
    for seed, noise in enumerate((0.1, 0.12, 0.14)):
        put(results, f"local/s{seed}", noise)
    commas = cli("compare", "base", "ft=s0,s1,s2", *TASKS)
    braces = cli("compare", "base", "ft=s0", "ft=s1", "ft=s2", *TASKS)
    assert commas.code == braces.code == 0
    assert commas.out == braces.out
    assert "This is about the recipe ft (3 seeds); base has one seed" in commas.out
    assert cli("compare", "base", "s0,s1", *TASKS).code == 2


def test_differing_settings_are_refused(cli: Cli, results: Path) -> None:
    put(results, "local/other", 0.1, settings=MEAN.with_changes(pooling="cls"))
    ended = cli("compare", "base", "other", *TASKS)
    assert ended.code == 2
    assert ended.errors[0] == (
        "error: more than the model differs from base. other: pooling cls, base mean."
    )
    assert "--allow-different" in ended.errors[1]
    assert ended.out == ""


def test_seen_by_a_record_that_training_wrote(cli: Cli, results: Path, tiny_bert: Path) -> None:
    put_tiny(results, tiny_bert)
    pairs = PAIRS["STS12"]
    record = TrainingRecord()
    for first, second in list(zip(pairs.text1, pairs.text2, strict=True))[:30]:
        record.pair(first, second)
    record.write(tiny_bert / FILE_NAME)
    ended = cli("compare", "base", "tiny", *TASKS, "--seen", "--allow-different", "--json")
    (row,) = json.loads(ended.out)["candidates"]
    assert 30 <= row["seen"]["tasks"][0]["seen"] < 120
    assert row["seen"]["tasks"][1]["seen"] == 0


def test_seen(cli: Cli, results: Path, tiny_bert: Path) -> None:
    put_tiny(results, tiny_bert)
    first = PAIRS["STS12"]
    put_training(tiny_bert, list(zip(first.text1[:30], first.text2[:30], strict=True)), [])
    words = ("compare", "base", "tiny", *TASKS, "--seen", "--allow-different")
    ended = cli(*words)
    assert ended.code == 0, ended.err
    assert "pairs in the training data of tiny" in ended.out
    assert "mean of 2, unseen pairs only: +" in ended.out
    assert "0 of 120 (0 %)" in ended.out
    said = json.loads(cli(*words, "--json").out)
    (row,) = said["candidates"]
    assert row["on"] == "unseen pairs"
    assert row["seen"]["tasks"][1]["on_seen"] is None
    assert row["all_pairs"]["difference"] != row["mean"]["difference"]


def test_output_files(cli: Cli, results: Path, tmp_path: Path) -> None:
    words = ("compare", "base", "good", *TASKS, "--changes", "5")
    assert cli(*words, "-o", "c.parquet").code == 0
    assert pq.read_table(tmp_path / "c.parquet").num_rows == 5
    ended = cli(*words, "-o", "c.html")
    assert (ended.code, ended.err.strip()) == (0, "wrote c.html")
    assert "good is better than base" in (tmp_path / "c.html").read_text()
    assert cli(*words, "-o", "no/such/c.html").code == 0  # its folder is made


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--margin", "-1"), "no difference in points"),
        (("--margin", "nan"), "no difference in points"),
        (("--margin", "inf"), "no difference in points"),
        (("--changes", "-1"), "below zero"),
        (("--seen", "--method", "pairs"), "clusters on sentences"),
        (("-o", "c.csv"), "none of .tex, .html or .parquet"),
    ],
)
def test_what_cannot_be_meant(cli: Cli, results: Path, words: tuple[str, ...], what: str) -> None:
    ended = cli("compare", "base", "good", *TASKS, *words)
    assert ended.code == 2
    assert what in ended.errors[0]


def test_public_results(cli: Cli, shared: Path) -> None:
    """Two published models: no predictions, so tasks are resampled, and that is no verdict."""
    words = ("compare", "WhereIsAI/UAE-Large-V1", "mixedbread-ai/mxbai-embed-large-v1")
    ended = cli(*words, "-t", "STS", "-r", shared / "results_repo/results")
    assert "would another choice of tasks agree?" in ended.out
    assert "verdict" not in ended.out
    assert cli(*words, "-r", shared / "results_repo/results", "--fail-if-worse").code == 1


@pytest.mark.process
def test_it_loads_nothing_heavy(results: Path) -> None:
    code = (
        "import sys; sys.argv = ['angle-bench', 'compare', 'base', 'good', '-t', 'STS12,STS13']\n"
        "from angle_bench.cli.app import main\n"
        "try:\n    main()\nfinally:\n"
        "    heavy = {'torch', 'mteb', 'transformers', 'datasets'}\n"
        "    print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=results.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
    assert "good is better than base" in done.stdout


@pytest.mark.process
@pytest.mark.long
def test_a_real_run_and_its_own_scores(cli: Cli, minilm: Path, shared: Path) -> None:
    words = ("-t", "STS16", "--mirror", shared / "data")
    assert cli("run", "-m", "base=all-MiniLM-L6-v2", *words, "--sizes", "384,128").code == 0
    ended = cli("compare", "base", "base size 128", *words, "--allow-different", "--json")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)["candidates"]
    assert row["mean"]["difference"] == pytest.approx(-1.37, abs=0.01)
    assert np.isfinite(row["mean"]["standard_error"])


def test_what_a_cross_encoder_cannot_be_scored_on_is_not_missing(cli: Cli, results: Path) -> None:
    """It is a warning, and no command is said that would be refused."""
    for name in ("late", "lazy"):
        put(results, f"local/{name}", 0.2)
        (folder,) = results.glob(f"local__{name}/*")
        kind = {"kind": "multi-vector encoder"} if name == "late" else {}
        record = json.loads((folder / ".angle-bench/STS12.json").read_text())
        record["model"] |= kind
        write_json(folder / ".angle-bench/STS12.json", record)
        for file in folder.rglob("STS13*"):
            file.unlink()
    ended = cli("compare", "base", "late", *TASKS)
    assert ended.code == 0, ended.err
    assert "late, a multi-vector encoder, cannot be scored on STS13" in ended.err
    ended = cli("compare", "base", "lazy", *TASKS)
    assert ended.code == 1
    assert ended.errors[0] == "error: lazy has no scores of STS13."
