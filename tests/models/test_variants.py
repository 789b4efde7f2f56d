"""Layers and sizes of a checkpoint as specs of their own."""

from pathlib import Path

import pytest

from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import ModelSpec, Output, Settings
from angle_bench.checkpoints.variants import variants, varied
from angle_bench.errors import UsageError
from angle_bench.evaluation.encoders.load import store_identity
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


def test_precisions_are_variants_each_once_in_one_order(spec: ModelSpec) -> None:
    assert spec.shape is not None
    made = variants(spec, sizes=[4, 8], precisions=["binary", "float32", "binary"])
    used = [(one.required_settings().size, one.required_settings().precision) for one in made]
    assert used == [(4, "float32"), (4, "binary"), (8, "float32"), (8, "binary")]
    assert [one.variant_label for one in made][:2] == ["tiny size 4", "tiny size 4 binary"]
    assert len({one.settings_id for one in made}) == 4
    assert varied(made) == ["size 4,8", "precision float32,binary"]
    assert variants(spec, precisions=["float32"]) == [spec]
    (int8,) = variants(spec, precisions=["int8"])
    assert int8.variant_label == "tiny int8"
    assert int8.required_settings().canonical()["precision"] == "int8"


def test_float32_changes_no_identity(spec: ModelSpec) -> None:
    """Records, digests and stored vectors from before there were precisions stay found."""
    cut = spec.required_settings().with_changes(size=4)
    assert "precision" not in cut.canonical()
    assert "precision" not in cut.model_dump(exclude_defaults=True)
    (binary,) = variants(spec, precisions=["binary"])
    assert store_identity(binary, "c", Output(None, "mean")) == store_identity(
        spec, "c", Output(None, "mean")
    )


@pytest.mark.parametrize("word", ["uint8", "ubinary", "Int8", "", "8bit"])
def test_an_unknown_precision_names_those_there_are(spec: ModelSpec, word: str) -> None:
    with pytest.raises(UsageError, match="scored in float32, int8 or binary") as caught:
        variants(spec, precisions=["int8", word])
    assert repr(word) in caught.value.what
    assert variants(spec, precisions=caught.value.fix.split()[1].split(","))


def test_a_model_of_mteb_and_a_config_without_numbers_are_refused() -> None:
    of_mteb = ModelSpec(name="a/b", label="b", revision="r", loader="mteb")
    with pytest.raises(UsageError, match="loaded by mteb"):
        variants(of_mteb, [1])
    with pytest.raises(UsageError, match=r"loaded by mteb .*--precisions"):
        variants(of_mteb, precisions=["int8"])
    settings = Settings(pooling="cls", max_length=8)
    silent = ModelSpec(name="a/b", label="b", revision="r", settings=settings, defaults=settings)
    with pytest.raises(UsageError, match="does not say"):
        variants(silent, sizes=[1])
