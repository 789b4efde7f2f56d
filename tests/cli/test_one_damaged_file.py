"""One damaged file among good ones: it costs its own row or score, in every verb that reads it."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pytest

import angle_bench
from tests.conftest import Cli
from tests.stored import Pairs, Results, put_training

GOOD = ("base", "fine")
NOISE = {"base": 0.3, "fine": 0.1, "odd": 0.5}
TASKS = ("STS12", "STS13")
RUN = {
    "started": "2026-01-02T03:04:05Z",
    "ended": "2026-01-02T03:05:05Z",
    "command": ["angle-bench", "run"],
    "exit_code": 0,
    "asked": {"models": ["odd"], "suite": "STS"},
    "outcome": {"odd": {"scored": ["STS12"], "kept": [], "failed": {}}},
}


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """A reader that waits for a pipe is a failure, not a wait."""

    def hung(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("a file that never ends is read")

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@dataclass(frozen=True)
class Stored:
    """Three models, of which one will have a damaged file; its files by what they are."""

    root: Path
    files: dict[str, Path]


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    monkeypatch.chdir(tmp_path)
    made = Results(tmp_path / "results")
    for label, noise in NOISE.items():
        for name in TASKS:
            pairs = Pairs(name, 60)
            folder = made.put(f"local/{label}", name, pairs.part(pairs.scores(noise, 1)))
        meta = {"name": f"local/{label}", "revision": folder.revision}
        (folder.path / "model_meta.json").write_text(json.dumps(meta))
        pairs = Pairs("STS12", 60)
        put_training(folder.side, list(zip(pairs.text1, pairs.text2, strict=True))[:40], ["other"])
        failure = {"task": "STS13", "error": "it failed", "traceback": ""}
        (folder.side / "STS13.error.json").write_text(json.dumps(failure))
    runs = made.root / ".runs"
    runs.mkdir()
    for number in range(2):
        (runs / f"run-{number}.json").write_text(json.dumps(RUN))
    return Stored(
        made.root,
        {
            "result": folder.result("STS12"),
            "record": folder.record("STS12"),
            "predictions": folder.predictions("STS12"),
            "failure": folder.side / "STS13.error.json",
            "training texts": folder.side / "training_texts.parquet",
            "model meta": folder.path / "model_meta.json",
            "run": runs / "run-1.json",
        },
    )


def _in_its_place(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(place: Path) -> None:
        place.unlink()
        make(place)

    return damage


def _flipped(place: Path) -> None:
    data = bytearray(place.read_bytes())
    data[len(data) // 3] ^= 0xFF
    place.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda place: place.write_bytes(b""),
    "cut off": lambda place: place.write_bytes(place.read_bytes()[: place.stat().st_size // 2]),
    "a byte flipped": _flipped,
    "no UTF-8": lambda place: place.write_bytes(b'{"task_name": "\xff\xfe"}'),
    "zeros": lambda place: place.write_bytes(b"\0" * 512),
    "a list": lambda place: place.write_text("[1]"),
    "null": lambda place: place.write_text("null"),
    "infinite": lambda place: place.write_text('{"exit_code": 1e999, "scores": 1e999}'),
    "nested": lambda place: place.write_text("[" * 100_000),
    "a folder": _in_its_place(lambda place: place.mkdir()),
    "a link that leads nowhere": _in_its_place(lambda place: place.symlink_to("nowhere")),
    "a link to itself": _in_its_place(lambda place: place.symlink_to(place.name)),
    "a pipe": _in_its_place(lambda place: os.mkfifo(place)),
}

QUICK = ("cut off",)
EVERY = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.long, id=name) for name in DAMAGES
]

# which verb looks into which file, so that it has to name one that is damaged
LOOKS = {
    "result": ("leaderboard", "compare", "scores"),
    "predictions": ("ranks", "html", "compare"),
    "training texts": ("html", "compare"),
    "run": ("runs",),
}
BOARDS = {
    "leaderboard": ("leaderboard", "results", "-t", "STS12,STS13", "--partial"),
    "ranks": ("leaderboard", "results", "-t", "STS12,STS13", "--partial", "--ranks", "--base=base"),
    "tasks ranks": ("leaderboard", "results", "-t", "STS12,STS13", "--partial", "--ranks", "tasks"),
    **{
        kind: ("leaderboard", "results", "-t", "STS12,STS13", "--partial", "-o", f"board.{suffix}")
        for kind, suffix in (
            *(("markdown", "md"), ("csv", "csv"), ("latex", "tex"), ("json", "json")),
            ("html", "html"),
        )
    },
    "json out": ("leaderboard", "results", "-t", "STS12,STS13", "--partial", "--json"),
}
COMPARED = ("compare", "base", "fine", "odd", "-t", "STS12,STS13")
COMPARISONS = {
    "compare": COMPARED,
    "compare seen": (*COMPARED, "--seen"),
    "compare json": (*COMPARED, "--json"),
    "compare html": (*COMPARED, "-o", "compared.html"),
}
RUNS = {"runs": ("runs",), "runs json": ("runs", "--json")}


@pytest.mark.parametrize("damage", EVERY)
def test_one_damaged_file(damage: str, cli: Cli, stored: Stored) -> None:
    verbs = {**BOARDS, **COMPARISONS, **RUNS}
    wrong: list[str] = []
    whole = stored.root.with_name("whole")
    shutil.copytree(stored.root, whole, symlinks=True)
    for kind, place in stored.files.items():
        shutil.rmtree(stored.root)
        shutil.copytree(whole, stored.root, symlinks=True)
        DAMAGES[damage](place)
        for verb, words in verbs.items():
            output = Path(words[-1]) if "-o" in words else None
            pages = None if output is None else output.with_name(f"{output.stem}_files")
            ended = cli(*words)
            said = ended.out + (output.read_text() if output and output.exists() else "")
            where = f"{kind}, {verb}: "
            if ended.code not in (0, 1) or "Traceback" in ended.err:
                wrong.append(f"{where}code {ended.code}\n{ended.err[-600:]}")
            elif verb not in RUNS and not all(label in said for label in GOOD):
                wrong.append(f"{where}good models are not there\n{ended.err[-600:]}")
            elif _is_silent(kind, verb, place, ended.err + said):
                wrong.append(f"{where}the file is not named\n{ended.err[-600:]}")
            if output is not None and pages is not None:
                output.unlink(missing_ok=True)
                shutil.rmtree(pages, ignore_errors=True)
    assert not wrong, f"{len(wrong)} of {len(stored.files) * len(verbs)}\n" + "\n".join(wrong)


def _is_silent(kind: str, verb: str, place: Path, err: str) -> bool:
    looks = any(verb.startswith(each) for each in LOOKS.get(kind, ()))
    return looks and place.is_file() and not _is_whole(place) and place.name not in err


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("damage", EVERY)
def test_one_damaged_file_from_python(damage: str, stored: Stored) -> None:
    whole = stored.root.with_name("whole")
    shutil.copytree(stored.root, whole, symlinks=True)
    right = angle_bench.scores("results", tasks="STS12", models=GOOD)
    for kind, place in stored.files.items():
        shutil.rmtree(stored.root)
        shutil.copytree(whole, stored.root, symlinks=True)
        DAMAGES[damage](place)
        found = angle_bench.scores("results", tasks="STS12")
        kept = found[found["label"].isin(GOOD)].reset_index(drop=True)
        assert kept.equals(right), kind
        assert len(angle_bench.runs("results")) == 2 - (kind == "run" and not _is_whole(place))
        board = angle_bench.leaderboard("results", tasks="STS12,STS13", partial=True)
        assert set(GOOD) <= set(board.labels)
        compared = angle_bench.compare("base", "fine", "odd", tasks="STS12,STS13", seen=True)
        assert "fine" in compared.candidates
        if kind == "predictions" and not _is_whole(place):
            with pytest.raises(angle_bench.AngleBenchError):
                angle_bench.predictions("odd", "STS12")
        assert len(angle_bench.predictions("fine", "STS12")) == 60


def _is_whole(place: Path) -> bool:
    """Whether a changed byte left a file that can be read."""
    if not place.is_file():  # a pipe would be waited for
        return False
    try:
        if place.suffix == ".json":
            return isinstance(json.loads(place.read_text())["outcome"], dict)
        import pyarrow.parquet as pq

        return bool(pq.read_table(place).num_rows)
    except Exception:
        return False
