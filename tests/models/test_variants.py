"""Layers and sizes of a checkpoint as specs of their own."""

from pathlib import Path

import pytest

from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import ModelSpec, Settings
from angle_bench.checkpoints.variants import variants
from angle_bench.errors import UsageError
from tests.checkpoints import build_tiny_bert


@pytest.fixture
def spec(tmp_path: Path) -> ModelSpec:
    build_tiny_bert(tmp_path / "tiny")
    return resolve(str(tmp_path / "tiny"))


def test_without_layers_and_sizes_it_is_the_checkpoint_itself(spec: ModelSpec) -> None:
    assert variants(spec) == [spec]


def test_every_layer_with_every_size_each_once(spec: ModelSpec) -> None:
    assert spec.shape is not None
    made = variants(spec, [1, 0, 1], [8, 4])
    used = [one.required_settings() for one in made]
    assert [(one.layer, one.size) for one in used] == [(0, 4), (0, 8), (1, 4), (1, 8)]
    assert len({one.settings_id for one in made}) == 4
    assert len({one.variant_label for one in made}) == 4
    assert {one.label for one in made} == {spec.label}


def test_the_last_layer_in_full_is_the_checkpoint_itself(spec: ModelSpec) -> None:
    assert spec.shape is not None
    assert variants(spec, [spec.shape.layers], [spec.shape.width]) == [spec]
    assert spec.settings_id is None


def test_only_sizes_or_only_layers(spec: ModelSpec) -> None:
    (size,) = variants(spec, sizes=[4])
    (layer,) = variants(spec, layers=[1])
    assert (size.required_settings().layer, size.required_settings().size) == (None, 4)
    assert (layer.required_settings().layer, layer.required_settings().size) == (1, None)


@pytest.mark.parametrize(
    ("layers", "sizes", "types"),
    [([99], [], "--layers"), ([-1], [], "--layers"), ([], [0], "--sizes"), ([], [9999], "--sizes")],
)
def test_beyond_the_checkpoint_says_what_there_is(
    spec: ModelSpec, layers: list[int], sizes: list[int], types: str
) -> None:
    with pytest.raises(UsageError) as caught:
        variants(spec, layers, sizes)
    assert caught.value.fix.startswith(types)
    numbers = [int(n) for n in caught.value.fix.split()[1].split(",")]
    assert variants(spec, *((numbers, []) if layers else ([], numbers)))  # what it says works


def test_a_model_of_mteb_and_a_config_without_numbers_are_refused() -> None:
    of_mteb = ModelSpec(name="a/b", label="b", revision="r", loader="mteb")
    with pytest.raises(UsageError, match="loaded by mteb"):
        variants(of_mteb, [1])
    settings = Settings(pooling="cls", max_length=8)
    silent = ModelSpec(name="a/b", label="b", revision="r", settings=settings, defaults=settings)
    with pytest.raises(UsageError, match="does not say"):
        variants(silent, sizes=[1])
