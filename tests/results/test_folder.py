"""What a model folder holds of a task, how it gets there and how it is set aside."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from angle_bench.errors import ResultsError
from angle_bench.files.atomic import Write, write_json
from angle_bench.results.layout import ModelFolder
from angle_bench.results.model_folder import (
    ResultRequirements,
    look_up,
    read_record,
    set_aside,
    store,
    write_failure,
)
from angle_bench.results.predictions import PairPredictions, predictions_file, read_predictions
from angle_bench.suites.task import Task

DATA = "local-0123456789abcdef"
TASK = Task(
    name="T",
    type="STS",
    dataset="o/t",
    revision="r",
    splits=("validation", "test"),
    subsets=("en", "de"),
    metric="cosine_spearman",
)
SCORES = {"validation": {"en": 0.1, "de": 0.2}, "test": {"en": 0.3, "de": 0.6}}
PAIR = PairPredictions("en", "test", ["a"], ["b"], [5.0], [0.5])


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path / "results", "org/model", "0" * 40)


def result_text(
    scores: dict[str, dict[str, float]] | None = None, revision: str = DATA, note: str = ""
) -> str:
    rows = {
        split: [{"hf_subset": subset, "main_score": score} for subset, score in values.items()]
        for split, values in (SCORES if scores is None else scores).items()
    }
    head = {"task_name": "T", "dataset_revision": revision, "mteb_version": "2.0"}
    return json.dumps({**head, "scores": rows, "note": note})


def writing(text: str) -> Write:
    def write(temporary: Path) -> None:
        temporary.write_text(text)

    return write


def put(folder: ModelFolder, note: str = "", **changes: Any) -> None:
    """Store a result of TASK that answers it."""
    given: dict[str, Any] = {
        "write_result": writing(result_text(note=note)),
        "meta": {"name": folder.name},
        "record": {"note": note},
        "predictions": [PAIR],
    }
    store(folder, "T", **{**given, **changes})


def held(folder: Path) -> dict[str, bytes]:
    return {
        str(place.relative_to(folder)): place.read_bytes()
        for place in folder.rglob("*")
        if place.is_file() and place.name != "lock"
    }


def test_what_is_stored_is_found(folder: ModelFolder) -> None:
    put(folder)
    found = look_up(folder, TASK, ResultRequirements(DATA))
    assert found.state == "done"
    assert found.stored is not None
    assert found.stored.result.main_score(TASK) == pytest.approx(0.3)
    assert found.reason == ""


def test_nothing_stored_is_absent_without_a_reason(folder: ModelFolder) -> None:
    assert look_up(folder, TASK, ResultRequirements(DATA)) == look_up(
        folder, TASK, ResultRequirements("r")
    )
    assert look_up(folder, TASK, ResultRequirements(DATA)).state == "absent"
    assert look_up(folder, TASK, ResultRequirements(DATA)).reason == ""
    assert not folder.root.exists()  # a look leaves nothing behind


def test_other_data_names_both_revisions(folder: ModelFolder) -> None:
    put(folder)
    found = look_up(folder, TASK, ResultRequirements("local-ffff"))
    assert (found.state, found.stored) == ("other data", None)
    assert DATA in found.reason
    assert "local-ffff" in found.reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        f"[{result_text()}]",
        result_text()[: len(result_text()) // 2],
        result_text()[:-1],
        result_text().replace("0.3", '"n/a"'),
        "{}",
    ],
)
def test_a_file_that_cannot_be_read_is_named(folder: ModelFolder, text: str) -> None:
    put(folder)
    folder.result("T").write_text(text)
    found = look_up(folder, TASK, ResultRequirements(DATA))
    assert (found.state, found.stored) == ("unreadable", None)
    assert str(folder.result("T")) in found.reason


def test_a_main_score_of_null_is_none(folder: ModelFolder) -> None:
    put(folder)
    folder.result("T").write_text(result_text().replace("0.3", "null"))
    assert look_up(folder, TASK, ResultRequirements(DATA)).state == "incomplete"


@pytest.mark.parametrize(
    ("scores", "missing"),
    [
        ({"test": SCORES["test"]}, "validation"),
        ({**SCORES, "test": {"en": 0.3}}, "test/de"),
        ({**SCORES, "test": {}}, "test"),
        ({}, "validation, test"),
    ],
)
def test_a_missing_part_makes_it_incomplete(
    folder: ModelFolder, scores: dict[str, dict[str, float]], missing: str
) -> None:
    put(folder, write_result=writing(result_text(scores)))
    found = look_up(folder, TASK, ResultRequirements(DATA))
    assert (found.state, found.stored) == ("incomplete", None)
    assert found.reason == f"stored without {missing}"


def test_more_than_is_asked_for_answers_it(folder: ModelFolder) -> None:
    put(folder)
    asked = TASK.model_copy(update={"splits": ("test",), "subsets": ("de",)})
    found = look_up(folder, asked, ResultRequirements(DATA))
    assert found.stored is not None
    assert found.stored.result.main_score(asked) == 0.6


def test_without_its_run_record_it_is_incomplete(folder: ModelFolder) -> None:
    put(folder)
    folder.record("T").unlink()
    found = look_up(folder, TASK, ResultRequirements(DATA))
    assert found.state == "incomplete"
    assert "run record" in found.reason


def test_every_file_is_where_it_belongs(folder: ModelFolder) -> None:
    write_failure(folder, "T", {"error": "of an earlier run"})
    write_failure(folder, "Other", {"error": "of another task"})
    put(folder, note="first")
    assert set(held(folder.path)) == {
        "T.json",
        "model_meta.json",
        ".angle-bench/T.json",
        ".angle-bench/T.parquet",
        ".angle-bench/Other.error.json",  # T's is gone: it has a score now
    }
    assert read_record(folder, "T")["note"] == "first"
    assert read_predictions(folder.predictions("T")).to_pylist() == PAIR.table().to_pylist()


def test_only_results_and_the_meta_end_in_json(folder: ModelFolder) -> None:
    for note in ("first", "second"):
        put(folder, note=note)
    write_failure(folder, "T", {"error": "later"})
    names = {place.name for place in folder.path.iterdir()}
    assert names == {"T.json", "model_meta.json", ".angle-bench"}


def test_old_files_are_moved_byte_for_byte(folder: ModelFolder) -> None:
    put(folder, note="first")
    first = held(folder.path)
    put(folder, note="second", predictions=[])
    assert json.loads(folder.result("T").read_text())["note"] == "second"
    assert read_record(folder, "T")["note"] == "second"
    assert not folder.predictions("T").exists()  # the first run's are not the second's
    (shelf,) = (folder.side / "superseded").iterdir()
    assert held(shelf) == {
        "T.json": first["T.json"],
        "T.record.json": first[".angle-bench/T.json"],
        "T.parquet": first[".angle-bench/T.parquet"],
    }


def test_no_superseded_file_replaces_another(folder: ModelFolder) -> None:
    notes = [f"run {number}" for number in range(5)]  # all within a second or two
    for note in notes:
        put(folder, note=note)
    shelves = (folder.side / "superseded").iterdir()
    kept = [json.loads((shelf / "T.json").read_text())["note"] for shelf in shelves]
    assert sorted(kept) == notes[:-1]


@pytest.mark.parametrize("left", ["result", "record", "predictions"])
def test_what_there_is_of_a_task_is_set_aside(folder: ModelFolder, left: str) -> None:
    put(folder)
    for kind in {"result", "record", "predictions"} - {left}:
        getattr(folder, kind)("T").unlink()
    (data,) = (held(folder.path)[name] for name in held(folder.path) if name != "model_meta.json")
    set_aside(folder, "T")
    (shelf,) = (folder.side / "superseded").iterdir()
    assert list(held(shelf).values()) == [data]


def test_other_tasks_stay_when_one_is_set_aside(folder: ModelFolder) -> None:
    put(folder)
    before = held(folder.path)
    set_aside(folder, "Other")
    assert held(folder.path) == before
    assert not (folder.side / "superseded").exists()


def test_an_unreadable_file_is_set_aside_too(folder: ModelFolder) -> None:
    put(folder)
    folder.result("T").write_text('{"cut')
    put(folder)
    assert look_up(folder, TASK, ResultRequirements(DATA)).state == "done"
    (shelf,) = (folder.side / "superseded").iterdir()
    assert (shelf / "T.json").read_text() == '{"cut'


def test_a_result_exists_only_with_its_side_files(folder: ModelFolder) -> None:
    # a folder in the place of a side file ends the renames before the result's turn
    (folder.meta / "in the way").mkdir(parents=True)
    with pytest.raises(ResultsError, match=r"model_meta\.json cannot be written"):
        put(folder)
    assert not folder.result("T").exists()
    assert look_up(folder, TASK, ResultRequirements(DATA)).state == "absent"


def test_a_result_that_cannot_be_written_changes_nothing(folder: ModelFolder) -> None:
    put(folder, note="first")
    write_failure(folder, "T", {"error": "of a later run"})
    before = held(folder.path)

    def refuse(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(ResultsError, match="No space left on device"):
        put(folder, note="second", write_result=refuse)
    assert held(folder.path) == before


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from angle_bench.errors import ResultsError
from angle_bench.results.model_folder import store
from angle_bench.results.layout import ModelFolder
from angle_bench.results.predictions import PairPredictions

texts = [f"{n} {n * n}" for n in range(50_000)]
numbers = [float(n) for n in range(50_000)]
predictions = PairPredictions("en", "test", texts, texts, numbers, numbers)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store(
        ModelFolder(Path(sys.argv[1]), "org/model", "0" * 40),
        "T",
        write_result=lambda place: place.write_text(sys.argv[2]),
        meta={},
        record={},
        predictions=[predictions],
    )
except ResultsError as error:
    print(error.what)
"""


@pytest.mark.process
def test_predictions_that_fill_the_disk_change_nothing(folder: ModelFolder) -> None:
    put(folder, note="first")
    before = held(folder.path)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, folder.root, result_text()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert f"{folder.predictions('T')} cannot be written" in done.stdout
    assert held(folder.path) == before


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(ResultsError, match="cannot be written") as raised:
        put(ModelFolder(tmp_path / "results", "org/model", "0" * 40))
    assert raised.value.fix.startswith("-r ")


@pytest.mark.parametrize("text", ["", '{"cut', "[]", "null"])
def test_a_record_that_cannot_be_read_is_empty(folder: ModelFolder, text: str) -> None:
    put(folder)
    folder.record("T").write_text(text)
    assert read_record(folder, "T") == {}


def test_a_record_with_a_file_name_that_is_no_text_is_read(folder: ModelFolder) -> None:
    # what sys.argv holds for a folder whose name is Latin-1: its mark must not get lost
    record = {"command": ["-m", "./mod\udce8le"], "data": {"verification": {"verdict": "differs"}}}
    put(folder, record=record)
    found = read_record(folder, "T")
    assert {key: found[key] for key in record} == record


STORE_OFTEN = """
import json, sys
from pathlib import Path
from angle_bench.results.model_folder import store
from angle_bench.results.layout import ModelFolder
from angle_bench.results.predictions import PairPredictions

root, writer, times, text = sys.argv[1:]
print("ready", flush=True)
sys.stdin.read()
for turn in range(int(times)):
    note = f"{writer} {turn}"
    store(
        ModelFolder(Path(root), "org/model", "0" * 40),
        "T",
        write_result=lambda place: place.write_text(json.dumps({**json.loads(text), "note": note})),
        meta={"note": note},
        record={"note": note},
        predictions=[PairPredictions("en", "test", [note], ["b"], [5.0], [0.5])],
    )
"""


@pytest.mark.process
def test_processes_that_store_at_once_leave_whole_sets_of_files(folder: ModelFolder) -> None:
    writers, times = 4, 6
    waiting, start = os.pipe()
    children = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                STORE_OFTEN,
                folder.root,
                str(writer),
                str(times),
                result_text(),
            ],
            stdin=waiting,
            stdout=subprocess.PIPE,
        )
        for writer in range(writers)
    ]
    os.close(waiting)
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    os.close(start)  # ends what all of them read
    for child in children:
        child.communicate(timeout=60)
    assert [child.returncode for child in children] == [0] * writers

    assert look_up(folder, TASK, ResultRequirements(DATA)).state == "done"
    places = [(folder.result("T"), folder.record("T"), folder.predictions("T"))]
    for shelf in (folder.side / "superseded").iterdir():
        places.append((shelf / "T.json", shelf / "T.record.json", shelf / "T.parquet"))
    notes = set()
    for result, record, predictions in places:
        note = json.loads(result.read_text())["note"]
        assert json.loads(record.read_text())["note"] == note
        assert read_predictions(predictions)["text1"].to_pylist() == [note]
        notes.add(note)
    assert len(places) == len(notes) == writers * times
    assert (
        json.loads(folder.meta.read_text())["note"]
        == json.loads(folder.result("T").read_text())["note"]
    )
    assert list(folder.root.rglob("*.tmp")) == []


@pytest.mark.parametrize("settings_id", [None, "0a1b2c3d"])
def test_mteb_reads_what_is_stored(tmp_path: Path, shared: Path, settings_id: str | None) -> None:
    import mteb
    from mteb.models.model_meta import ModelMeta

    source = shared / "results_repo/results/WhereIsAI__UAE-Large-V1"
    text = (source / "369c368f70f16a613f19f5598d4f12d9f44235d4/STS12.json").read_text()
    folder = ModelFolder(tmp_path / "results", "local/model", "sha256-0123", settings_id)
    kwargs = None if settings_id is None else {"settings": settings_id}
    meta = ModelMeta.create_empty({"name": "local/model", "revision": "sha256-0123"})
    meta = meta.model_copy(update={"experiment_kwargs": kwargs})
    for _ in range(2):
        store(
            folder,
            "STS12",
            write_result=writing(text),
            meta=meta.to_dict(),
            record={"command": []},
            predictions=[PAIR],
        )
    write_failure(folder, "STS13", {"error": "no data"})
    loaded = mteb.ResultCache(tmp_path).load_results(models=[meta], tasks=["STS12", "STS13"])
    (model,) = loaded.model_results
    assert [result.task_name for result in model.task_results] == ["STS12"]
    assert model.task_results[0].get_score() == pytest.approx(0.7909144554302442)


def stored_with(folder: ModelFolder, record: dict[str, object], revision: str) -> None:
    write_json(folder.record(TASK.name), record)
    folder.result(TASK.name).write_text(result_text(revision=revision))
    predictions_file(folder.predictions(TASK.name), [PAIR]).write(folder.predictions(TASK.name))


def test_a_result_over_more_subsets_answers_for_fewer_of_the_same_rows(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path, "org/m", "r")
    rows = {"en/test": "a" * 64, "de/test": "b" * 64}
    stored_with(folder, {"data": {"rows": rows}}, "local-both")
    same, other = {"en/test": "a" * 64}, {"en/test": "c" * 64}
    assert look_up(folder, TASK, ResultRequirements("local-one", same)).state == "done"
    assert look_up(folder, TASK, ResultRequirements("local-one", other)).state == "other data"


def test_other_settings_of_the_model_do_not_answer(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path, "org/m", "r")
    stored_with(folder, {"model": {"settings_digest": "0123abcd"}}, DATA)
    assert (
        look_up(folder, TASK, ResultRequirements(DATA, settings_digest="0123abcd")).state == "done"
    )
    assert (
        look_up(folder, TASK, ResultRequirements(DATA, settings_digest="ffffffff")).state
        == "other settings"
    )
