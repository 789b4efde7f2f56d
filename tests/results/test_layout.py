"""Where results are (CONTRACTS "Results on disk")."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from angle_bench.errors import AngleBenchError, ResultsError, UsageError
from angle_bench.results.layout import ModelFolder, results_root

COMMIT = "369c368f70f16a613f19f5598d4f12d9f44235d4"


@pytest.mark.parametrize(
    ("name", "settings_id", "below"),
    [
        ("WhereIsAI/UAE-Large-V1", None, f"WhereIsAI__UAE-Large-V1/{COMMIT}"),
        (
            "WhereIsAI/UAE-Large-V1",
            "0a1b2c3d",
            f"WhereIsAI__UAE-Large-V1/{COMMIT}/experiments/settings_0a1b2c3d",
        ),
        ("local/my checkpoint", None, f"local__my_checkpoint/{COMMIT}"),
    ],
)
def test_paths_are_those_of_the_contract(name: str, settings_id: str | None, below: str) -> None:
    folder = ModelFolder(Path("results"), name, COMMIT, settings_id)
    place = Path("results") / below
    assert folder.path == place
    assert folder.result("STS12") == place / "STS12.json"
    assert folder.meta == place / "model_meta.json"
    assert folder.record("STS12") == place / ".angle-bench/STS12.json"
    assert folder.predictions("STS12") == place / ".angle-bench/STS12.parquet"
    assert folder.error("STS12") == place / ".angle-bench/STS12.error.json"


@pytest.mark.parametrize("name", ["results", "anything"])
def test_the_folder_of_models_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "org__model").mkdir(parents=True)
    assert results_root(tmp_path / name, write=False) == tmp_path / name


def test_the_parent_of_results_means_results(tmp_path: Path) -> None:
    (tmp_path / "results/org__model").mkdir(parents=True)
    assert results_root(tmp_path, write=False) == tmp_path / "results"


def test_a_folder_of_models_wins_over_a_folder_results_in_it(tmp_path: Path) -> None:
    (tmp_path / "org__model").mkdir()
    (tmp_path / "results").mkdir()
    assert results_root(tmp_path, write=False) == tmp_path


@pytest.mark.parametrize("other", ["__pycache__", "src"])
def test_other_folders_beside_results_are_no_models(tmp_path: Path, other: str) -> None:
    (tmp_path / other).mkdir()
    (tmp_path / "results/org__model").mkdir(parents=True)
    assert results_root(tmp_path, write=False) == tmp_path / "results"


def test_both_spellings_lead_to_the_same_files(shared: Path) -> None:
    parent = shared / "results_repo"
    assert results_root(parent, write=False) == results_root(parent / "results", write=False)


def test_a_new_folder_is_made_only_for_writing(tmp_path: Path) -> None:
    new = tmp_path / "a/b/results"
    assert results_root(new, write=False) == new
    assert not (tmp_path / "a").exists()
    assert results_root(new, write=True) == new
    assert list(new.iterdir()) == []


@pytest.mark.parametrize("write", [False, True])
def test_a_file_is_refused(tmp_path: Path, write: bool) -> None:
    place = tmp_path / "results"
    place.write_text("mine")
    with pytest.raises(UsageError, match="is a file, not a results folder") as raised:
        results_root(place, write=write)
    assert raised.value.exit_code == 2
    assert raised.value.fix.startswith("-r ")
    assert place.read_text() == "mine"


def test_a_place_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ResultsError, match="cannot be written") as raised:
        results_root(tmp_path / "file/results", write=True)
    assert raised.value.exit_code == 1
    assert raised.value.fix.startswith("-r ")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_a_file_system_that_takes_no_files_is_refused() -> None:
    with pytest.raises(ResultsError, match="/proc/angle-bench cannot be written"):
        results_root(Path("/proc/angle-bench"), write=True)


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert results_root(Path("~/results"), write=False) == tmp_path / "results"


def test_a_home_folder_that_nobody_has_is_refused() -> None:
    with pytest.raises(AngleBenchError):
        results_root(Path("~no-such-user-of-angle-bench/results"), write=False)


def test_jobs_that_start_together_do_not_refuse_each_other(tmp_path: Path) -> None:
    # an array of cluster jobs tries to write the same folder at the same moment
    with ThreadPoolExecutor(8) as pool:
        roots = list(pool.map(lambda _: results_root(tmp_path / "r", write=True), range(2000)))
    assert set(roots) == {tmp_path / "r"}
    assert list((tmp_path / "r").iterdir()) == []
