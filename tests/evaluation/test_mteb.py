"""What mteb makes of our encoder and of our results folder."""

from pathlib import Path

import mteb
import pytest
from mteb.models import EncoderProtocol
from mteb.results import TaskResult

import angle_bench
from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Cli

pytestmark = pytest.mark.process


@pytest.fixture
def scored(cli: Cli, tiny_bert: Path, tmp_path: Path) -> Path:
    """A results folder with a plain run and one under other settings; its parent."""
    for number, name in enumerate(("sts12-sts", "sts13-sts")):
        write_rows(tmp_path / f"mirror/mteb/{name}/test.parquet", sts_rows(10, seed=number))
    words = ("run", "-m", tiny_bert, "-t", "STS12,STS13", "--mirror", "mirror")
    assert cli(*words).code == 0
    assert cli(*words, "--pooling", "mean").code == 0
    return tmp_path


def by_task(results: mteb.results.BenchmarkResults) -> list[tuple[str | None, dict[str, float]]]:
    return [
        (
            model.experiment_name,
            {result.task_name: result.main_score for result in model.task_results},
        )
        for model in results.model_results
    ]


def ours(folder: Path) -> dict[str, float]:
    from angle_bench.results.result_file import read_result
    from angle_bench.suites.shipped import mteb_task

    found = {}
    for name in ("STS12", "STS13"):
        result, task = read_result(folder / f"{name}.json"), mteb_task(name)
        assert result is not None
        assert task is not None
        found[name] = result.main_score(task)
    return found


def test_mteb_reads_the_plain_folder_by_default(scored: Path) -> None:
    ((experiment, scores),) = by_task(mteb.ResultCache(scored).load_results())
    (folder,) = (scored / "results").glob("local__tiny-bert/sha256-*")
    assert experiment is None
    assert scores == ours(folder)


def test_mteb_finds_the_experiment_by_its_meta_and_by_name(scored: Path, tiny_bert: Path) -> None:
    meta = angle_bench.load(str(tiny_bert), pooling="mean").mteb_model_meta
    (folder,) = (scored / "results").glob("local__tiny-bert/sha256-*/experiments/settings_*")
    cache = mteb.ResultCache(scored)
    assert by_task(cache.load_results(models=[meta])) == [(folder.name, ours(folder))]
    plain = angle_bench.load(str(tiny_bert)).mteb_model_meta
    assert len(by_task(cache.load_results(models=[plain], load_experiments="match_name"))) == 2


def test_our_files_pass_mtebs_own_validation(scored: Path) -> None:
    for place in (scored / "results").rglob("STS*.json"):
        if ".angle-bench" not in place.parts:
            result = TaskResult.from_disk(place, load_historic_data=False)
            assert result.task_name == place.stem


def test_mteb_evaluates_the_encoder_as_it_is(tiny_bert: Path, scored: Path) -> None:
    encoder = angle_bench.load(str(tiny_bert))
    assert isinstance(encoder, EncoderProtocol)
    from angle_bench.evaluation.scoring.score import build
    from angle_bench.evaluation.task_data import locate
    from angle_bench.suites.shipped import mteb_task

    task = mteb_task("STS12")
    assert task is not None
    outcome = mteb.evaluate(
        encoder,
        build(task, locate(task, scored / "mirror")),
        cache=None,
        show_progress_bar=False,
    )
    (folder,) = (scored / "results").glob("local__tiny-bert/sha256-*")
    assert outcome.task_results[0].main_score == pytest.approx(ours(folder)["STS12"], abs=1e-6)


def test_a_list_of_strings_and_a_single_one(tiny_bert: Path) -> None:
    encoder = angle_bench.load(str(tiny_bert))
    two = encoder.encode(["a dog runs", "the cat sings"])
    assert two.shape == (2, 32)
    assert two.dtype == "float32"
    assert encoder.encode("the cat sings") == pytest.approx(two[1], abs=1e-6)


def test_the_known_model_keeps_mtebs_description(minilm: Path) -> None:
    meta = angle_bench.load("all-MiniLM-L6-v2").mteb_model_meta
    assert meta.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert meta.revision == "8b3219a92973c328a8e22fadcfa821b5dc75636a"
    assert meta.experiment_kwargs is None
    assert meta.license == "apache-2.0"
