"""A dtype that is faster here is offered; it is measured, and never taken unasked."""

from pathlib import Path
from typing import Any

import pytest
import torch

import angle_bench
from angle_bench.encoding import half_precision
from angle_bench.encoding.half_precision import FasterHalf, faster_half

OFFER = "bfloat16 would be about 1.5× faster here (--dtype bfloat16; "


def test_what_is_offered_is_what_was_measured_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[list[str], int]] = []
    seconds = {"float32": 3.0, "bfloat16": 2.0, "float16": 2.5}

    def least(dtypes: Any, _: int, width: int) -> dict[str, float]:
        taken.append((list(dtypes), width))
        return {name: seconds[name] for name in dtypes}

    monkeypatch.setattr(half_precision, "_least", least)
    assert faster_half(768) == FasterHalf("bfloat16", 1.5)
    assert taken[1] == (["float32", "bfloat16", "float16"], 768)
    seconds["float16"] = 4.0  # no instructions for it: only the small layer is asked
    assert faster_half(768) == FasterHalf("bfloat16", 1.5)
    assert taken[3] == (["float32", "bfloat16"], 768)
    seconds["bfloat16"] = 2.9  # hardly faster: not worth another identity
    assert faster_half(768) is None
    seconds["bfloat16"] = 3.1
    taken.clear()
    assert faster_half(768) is None
    assert len(taken) == 1


def test_the_measurement_leaves_the_threads_as_they_are() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        faster_half(64)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_no_half_precision_is_offered_that_is_slower_end_to_end(tiny_bert: Path) -> None:
    """The layer that is timed stands for the model: both say which dtype is slower."""
    layers = half_precision._least(("float32", "bfloat16"), 128, 128)
    faster = faster_half(128)
    assert (faster is not None) <= (min(layers.values()) < layers["float32"])


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:53 of 576 texts were cut")
@pytest.mark.parametrize(
    ("dtype", "enough", "offered"),
    [
        ("float32", True, True),
        ("float32", False, False),
        pytest.param("bfloat16", True, False, marks=pytest.mark.long),
    ],
)
def test_a_run_offers_it_at_its_end(
    tiny_bert: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dtype: str,
    enough: bool,
    offered: bool,
) -> None:
    monkeypatch.setattr(half_precision, "faster_half", lambda _: FasterHalf("bfloat16", 1.5))
    if enough:
        monkeypatch.setattr("angle_bench.evaluation.encoders.mteb_encoder.WORTH_MEASURING", 1)
    asked: dict[str, Any] = {
        "tasks": "demo",
        "pooling": "mean",
        "dtype": dtype,
        "results": tmp_path / "results",
    }
    planned = angle_bench.forecast(tiny_bert, **asked)
    angle_bench.run(tiny_bert, **asked, device="cpu", cache=False, progress=True)
    assert (OFFER in capsys.readouterr().err) == offered
    assert (OFFER in str(planned)) == (dtype == "float32")
