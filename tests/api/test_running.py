"""Running from Python: the same results as the command's, as values."""

import asyncio
import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import angle_bench as ab
from angle_bench.errors import ModelError, UsageError
from tests.checkpoints import build_tiny_bert, sts_rows, write_rows
from tests.conftest import Cli

pytestmark = pytest.mark.process

TASKS = ["STS12", "STS13"]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for seed, task in enumerate(TASKS):
        place = tmp_path / f"mirror/mteb/{task.lower()}-sts/test.parquet"
        write_rows(place, sts_rows(12, seed=seed))
    return tmp_path / "mirror"


def test_a_run_is_that_of_the_command(
    mirror: Path, tiny_bert: Path, cli: Cli, capfd: pytest.CaptureFixture[str]
) -> None:
    r = ab.run(f"tiny={tiny_bert}", TASKS, mirror=mirror, pooling="mean", progress=False)
    out, _ = capfd.readouterr()
    assert out == ""
    words = ("-m", f"tiny={tiny_bert}", "-t", "STS12,STS13", "--mirror", mirror)
    printed = cli("run", *words, "--pooling", "mean", "--json")
    assert json.loads(json.dumps(r.to_dict())) == json.loads(printed.out)
    assert repr(r) == cli("run", *words, "--pooling", "mean", "-q").out.rstrip("\n")
    table = r.table()
    assert list(table.columns) == [*TASKS, "mean"]
    assert table.attrs["unit"] == "points"
    assert table.loc["tiny", "mean"] == pytest.approx(table.loc["tiny", TASKS].mean(), abs=1e-9)
    stored = ab.scores("results").query("main").set_index("task")["score"]
    assert table.loc["tiny", TASKS].tolist() == pytest.approx(stored[TASKS].tolist(), abs=1e-9)
    pd.testing.assert_frame_equal(r.to_dataframe(), ab.scores("results"))
    commands = ab.runs("results")["command"].tolist()
    assert [each.startswith("angle-bench run") for each in commands].count(True) == 2


def test_one_task_fails_and_the_others_run(
    mirror: Path, tiny_bert: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (mirror / "mteb/sts13-sts/test.parquet").write_bytes(b"no parquet")
    with pytest.warns(UserWarning, match=r"STS13: .*cannot be read as parquet"):
        r = ab.run(f"tiny={tiny_bert}", TASKS, mirror=mirror, pooling="mean", progress=False)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")  # warnings alone
    assert r.exit_code == 1
    assert list(r.failures["tiny"]) == ["STS13"]
    assert pd.isna(r.table().loc["tiny", "mean"])
    assert set(r.to_dataframe()["task"]) == {"STS12"}
    assert "tiny STS13: " in repr(r)
    assert "<li>tiny STS13: " in r._repr_html_()


def test_layers_and_sizes_are_rows(mirror: Path, tiny_bert: Path) -> None:
    r = ab.run(
        f"tiny={tiny_bert}",
        "STS12",
        mirror=mirror,
        pooling="mean",
        layers=[1, 2],
        sizes=[16, 32],
        progress=False,
    )
    assert len(r.table()) == 4
    assert set(r.to_dataframe()["label"]) == set(r.labels)


def test_precisions_are_rows_as_a_list_or_a_text(mirror: Path, tmp_path: Path) -> None:
    build_tiny_bert(tmp_path / "unlike", initializer_range=0.3)
    asked = {"tasks": "STS12", "mirror": mirror, "pooling": "mean", "progress": False}
    r = ab.run(f"tiny={tmp_path / 'unlike'}", precisions=["float32", "binary"], **asked)  # type: ignore[arg-type]
    assert list(r.table().index) == ["tiny", "tiny binary"] == r.labels
    assert "bytes per vector binary" in repr(r)
    again = ab.run(f"tiny={tmp_path / 'unlike'}", precisions="binary, float32", **asked)  # type: ignore[arg-type]
    assert again.table().equals(r.table())
    with pytest.raises(UsageError, match="not in 'ubinary'") as caught:
        ab.forecast(f"tiny={tmp_path / 'unlike'}", "STS12", precisions="ubinary")
    assert 'pass: precisions=["float32", "int8", "binary"]' in str(caught.value)


def test_every_setting_reaches_the_model(mirror: Path, tiny_bert: Path) -> None:
    asked = {"pooling": "mean", "max_length": 16, "dtype": "bfloat16", "similarity": "dot"}
    (job,) = ab.run(
        str(tiny_bert),
        "STS12",
        mirror=mirror,
        prompt="to {text}",
        attention="eager",
        progress=False,
        **asked,  # type: ignore[arg-type]
    ).jobs
    used = job.variants[0].spec.required_settings()
    assert {name: getattr(used, name) for name in asked} == asked
    assert (used.prompts.default, used.attention, used.compile) == ("to {text}", "eager", False)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tasks": "STS-12"}, 'tasks="STS12"'),
        ({"limit": 1}, "limit=20"),
        ({"batch_tokens": 0}, "batch_tokens=4096"),
        ({"device": "gpu"}, "device="),
        ({"cache_limit": "20 X"}, "20"),
    ],
)
def test_errors_say_what_to_pass(
    mirror: Path, tiny_bert: Path, wrong: dict[str, object], said: str
) -> None:
    given = {"tasks": "STS12", "mirror": mirror, "progress": False} | wrong
    with pytest.raises(UsageError) as error:
        ab.run(str(tiny_bert), **given)  # type: ignore[arg-type]
    assert said in error.value.fix_python
    assert not Path("results").exists()


def test_a_folder_that_is_no_model(mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises((ModelError, UsageError)):
        ab.run("./empty", "STS12", mirror=mirror, progress=False)


def test_from_threads_and_asyncio(mirror: Path, tiny_bert: Path) -> None:
    """Two at once on one results folder: each task is computed once, both see all scores."""

    def once(task: str) -> ab.RunResult:
        return ab.run(f"tiny={tiny_bert}", task, mirror=mirror, pooling="mean", progress=False)

    with warnings.catch_warnings(), ThreadPoolExecutor(2) as pool:
        warnings.simplefilter("ignore")
        first, second = pool.map(once, TASKS)
    whole = asyncio.run(_in_a_thread(once))
    assert first.table().loc["tiny", "STS12"] == whole.table().loc["tiny", "STS12"]
    assert not second.failures


async def _in_a_thread(once: object) -> ab.RunResult:
    assert callable(once)
    found: ab.RunResult = await asyncio.to_thread(once, "STS12")
    return found
