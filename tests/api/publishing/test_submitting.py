"""Results that mteb's results repository takes, and why it would refuse others."""

import json
from pathlib import Path
from typing import Any

import mteb
import pytest

import angle_bench as ab
from angle_bench.checkpoints.registry.mteb_models import mteb_models
from angle_bench.suites.catalogue import catalogue
from tests.conftest import Cli
from tests.result_files import put, put_record, write

NAME = "sentence-transformers/all-MiniLM-L6-v2"
REVISION = str(mteb_models()[NAME])
DATA = catalogue()["tasks"]["STS12"]["revision"]


def store(
    root: Path,
    task: str = "STS12",
    *,
    name: str = NAME,
    revision: str = REVISION,
    below: str = "",
    data: str = DATA,
    verdict: str = "hub",
) -> Path:
    folder = root / name.replace("/", "__") / revision / below
    place = put(folder, task, 0.5, revision=data)
    put_record(
        folder, task, {"name": name, "revision": revision}, verification={"verdict": verdict}
    )
    write(folder / "model_meta.json", {"name": name, "revision": revision})
    return place


def only(root: Path, to: str = "out", **more: Any) -> Any:
    (file,) = ab.submit(to, results=root, dry_run=True, **more).files
    return file


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"name": "local/mine"}, "not in mteb's registry"),
        ({"name": NAME.upper()}, f"mteb writes the model {NAME}"),
        ({"revision": "0123abcd"}, f"has revision {REVISION}, these scores are of 0123abcd"),
        ({"below": "experiments/settings_01234567"}, "belong under experiments/"),
        ({"data": "local-0123456789abcdef", "verdict": "differs"}, "not known to be mteb's"),
        ({"data": "local-0123456789abcdef", "verdict": "equal"}, "mteb's own counts but no commit"),
        ({"data": "fedcba98"}, "its data is of commit fedcba98"),
        ({"task": "AngleBenchDemo"}, "mteb has no such task"),
    ],
)
def test_what_would_be_refused_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    store(tmp_path / "r", **changes)
    file = only(tmp_path / "r")
    assert (said in file.refusal) if said else file.refusal == ""


def test_a_file_that_is_cut_off_or_lacks_its_meta_is_refused(tmp_path: Path) -> None:
    place = store(tmp_path / "r")
    place.with_name("model_meta.json").unlink()
    assert "model_meta.json is not beside it" in only(tmp_path / "r").refusal
    store(tmp_path / "r")
    place.write_text('{"task_name": ')
    assert "cannot be read" in only(tmp_path / "r").refusal


def test_what_is_taken_is_copied_and_mteb_reads_it(tmp_path: Path) -> None:
    place = store(tmp_path / "r")
    raw = json.loads(place.read_text())
    raw["scores"]["test"][0]["cosine_spearman"] = 0.5
    place.write_text(json.dumps(raw | {"evaluation_time": 1.0, "kg_co2_emissions": None}))
    store(tmp_path / "r", name="local/mine")
    found = ab.submit(tmp_path / "out", results=tmp_path / "r")
    assert [file.task for file in found.refused] == ["STS12"]
    written = {each.relative_to(tmp_path / "out") for each in (tmp_path / "out").rglob("*.json")}
    folder = Path("results") / NAME.replace("/", "__") / REVISION
    assert written == {folder / "STS12.json", folder / "model_meta.json"}
    assert (tmp_path / "out" / folder / "STS12.json").read_bytes() == place.read_bytes()
    cache = mteb.ResultCache(tmp_path / "out")
    (model,) = cache.load_results(models=[NAME], tasks=["STS12"], include_remote=False)
    assert model.task_results[0].get_score() == 0.5
    assert ab.submit(tmp_path / "out", results=tmp_path / "r").written  # the same again


def test_other_scores_are_not_overwritten(tmp_path: Path) -> None:
    place = store(tmp_path / "r")
    ab.submit(tmp_path / "out", results=tmp_path / "r")
    put(place.parent, "STS12", 0.6, revision=DATA)
    with pytest.raises(ab.AngleBenchError, match="nothing is overwritten"):
        ab.submit(tmp_path / "out", results=tmp_path / "r")


def test_a_dry_run_writes_nothing_and_ends_with_1(cli: Cli, tmp_path: Path) -> None:
    store(tmp_path / "results")
    store(tmp_path / "results", name="local/mine")
    ended = cli("submit", "--to", "out", "-n")
    assert ended.code == 1
    assert not Path("out").exists()
    lines = ended.out.splitlines()
    assert lines[0] == f"results/{NAME.replace('/', '__')}/{REVISION}/STS12.json"
    assert lines[1].startswith("refused: local/mine: STS12: the model is not in mteb's registry")
    assert lines[2] == "1 of 2 files are taken"
    ended = cli("submit", "--to", "out", "-m", "all-MiniLM-L6-v2", "-t", "STS12")
    assert (ended.code, ended.err) == (0, "next: mteb submit-results --output-folder out\n")
    assert cli("submit", "--to", "out", "-t", "STS13").code == 1
