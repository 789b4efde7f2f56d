"""The JSON files of a checkpoint are opened once, and again when they change."""

import json
from pathlib import Path

import pytest

from angle_bench.checkpoints.folder import config
from angle_bench.checkpoints.folder.config import read_json
from angle_bench.files.regular import read_regular


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were opened."""
    places: list[Path] = []

    def noted(place: Path) -> bytes:
        places.append(place)
        return read_regular(place)

    monkeypatch.setattr(config, "read_regular", noted)
    return places


def test_a_file_that_stays_is_opened_once(
    tmp_path: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "SETTLED_NS", 0)
    place = tmp_path / "config.json"
    place.write_text('{"model_type": "bert"}')
    first = read_json(place)
    first["model_type"] = "changed by its reader"
    assert read_json(place) == {"model_type": "bert"}
    assert opened == [place]
    place.write_text('{"model_type": "roberta"}')
    assert read_json(place) == {"model_type": "roberta"}
    assert opened == [place, place]


def test_a_file_that_has_just_changed_is_read_again(tmp_path: Path, opened: list[Path]) -> None:
    place = tmp_path / "config.json"
    for kind in ("bert", "gpt2"):  # as long as each other, within a tick of the file's clock
        place.write_text(json.dumps({"model_type": kind}))
        assert read_json(place)["model_type"] == kind
    assert opened == [place, place]
