"""mteb's wrappers of encoders around ours: the scores that they give with sentence-transformers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mteb.models import CompressionWrapper, SentenceTransformerEncoderWrapper
from mteb.models.cache_wrappers import CachedEmbeddingWrapper
from mteb.models.hybrid_wrappers import HybridSearch
from mteb.types import OutputDType
from sentence_transformers import SentenceTransformer

import angle_bench
from angle_bench.evaluation.encoders.mteb_encoder import MtebEncoder
from tests.checkpoints import add_sentence_transformers_files, build_tiny_bert
from tests.evaluation.small_tasks import classification, retrieval, same_scores, scores, sts

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "tiny"
    build_tiny_bert(place, initializer_range=0.3)  # vectors that differ
    add_sentence_transformers_files(place, "mean")
    file = place / "config_sentence_transformers.json"
    prompts = {"query": "big red ", "document": "the "}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"prompts": prompts}))
    return place


@pytest.fixture
def ours(folder: Path) -> Iterator[MtebEncoder]:
    made = angle_bench.load(str(folder), device="cpu:1")
    yield made
    made.close()


@pytest.fixture
def theirs(folder: Path) -> Any:
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": "float32"})
    return SentenceTransformerEncoderWrapper(model)


LONG = pytest.mark.long
COMPRESSED = [
    OutputDType.FLOAT16,
    *(
        pytest.param(kind, marks=LONG)
        for kind in (OutputDType.BF16, OutputDType.FLOAT8_E4M3FN, OutputDType.INT8)
    ),
]


# mteb's wrapper, of thresholds that it estimates and of models that could cut vectors themselves
@pytest.mark.filterwarnings("ignore:Estimating quantization")
@pytest.mark.filterwarnings("ignore:The model .* natively supports quantization")
@pytest.mark.parametrize("kind", COMPRESSED)
def test_compressed(ours: MtebEncoder, theirs: Any, kind: OutputDType) -> None:
    before = ours.mteb_model_meta
    wrapped = CompressionWrapper(ours, kind)
    assert wrapped.mteb_model_meta.experiment_kwargs == {"output_dtypes": kind.value}
    assert wrapped.mteb_model_meta.revision == before.revision
    found, want = scores(wrapped, sts()), scores(CompressionWrapper(theirs, kind), sts())
    # a vector's number may fall on either side of the step where it is rounded
    assert found["main_score"] == pytest.approx(want["main_score"], abs=5e-3)
    if kind is OutputDType.FLOAT16:
        same_scores(
            scores(wrapped, retrieval()), scores(CompressionWrapper(theirs, kind), retrieval())
        )


@pytest.mark.parametrize("task", [pytest.param(sts, marks=LONG), retrieval])
def test_cached(ours: MtebEncoder, theirs: Any, task: Callable[[], Any], tmp_path: Path) -> None:
    want = scores(CachedEmbeddingWrapper(theirs, tmp_path / "theirs"), task())
    same_scores(scores(CachedEmbeddingWrapper(ours, tmp_path / "ours"), task()), want)
    texts = ours.counted()["texts"]
    same_scores(scores(CachedEmbeddingWrapper(ours, tmp_path / "ours"), task()), want)
    assert ours.counted()["texts"] == texts  # all of them came from its files


@pytest.mark.parametrize(
    "fusion", [pytest.param(name, marks=LONG) for name in ("rrf", "dbsf", "rsf")]
)
def test_hybrid(ours: MtebEncoder, theirs: Any, fusion: Any) -> None:
    found = scores(HybridSearch([ours, ours], fusion_strategy=fusion), retrieval())
    want = scores(HybridSearch([theirs, theirs], fusion_strategy=fusion), retrieval())
    if fusion == "dbsf":  # gives all queries' scores one standard deviation, but for rounding
        found, want = (
            {key: value for key, value in one.items() if not key.endswith("_std")}
            for one in (found, want)
        )
    same_scores(found, want)


@pytest.mark.parametrize(
    "task", [sts, pytest.param(retrieval, marks=LONG), pytest.param(classification, marks=LONG)]
)
def test_alone(ours: MtebEncoder, theirs: Any, task: Callable[[], Any]) -> None:
    same_scores(scores(ours, task()), scores(theirs, task()))


@pytest.fixture(scope="module")
def cut(folder: Path) -> Iterator[Callable[..., MtebEncoder]]:
    """Encoders of one size, batched alike: not a digit of their vectors differs."""
    made: dict[str, MtebEncoder] = {}

    def loaded(precision: str = "float32") -> MtebEncoder:
        if precision not in made:
            made[precision] = angle_bench.load(
                str(folder), device="cpu:1", size=16, batch_tokens=4096, precision=precision
            )
        return made[precision]

    yield loaded
    for each in made.values():
        each.close()


@pytest.mark.filterwarnings("ignore:Estimating quantization")
@pytest.mark.filterwarnings("ignore:The model .* natively supports quantization")
@pytest.mark.parametrize("task", [sts, retrieval, pytest.param(classification, marks=LONG)])
@pytest.mark.parametrize("precision", ["int8", "binary"])
def test_a_precision_scores_as_mteb_compresses(
    cut: Callable[..., MtebEncoder], task: Callable[[], Any], precision: str
) -> None:
    found, whole = scores(cut(precision), task()), scores(cut(), task())
    wrapped = CompressionWrapper(cut(), OutputDType(precision))
    assert repr(found) == repr(scores(wrapped, task()))
    assert repr(found) != repr(whole)


def test_what_is_scored_are_numbers(cut: Callable[..., MtebEncoder]) -> None:
    vectors = cut("binary").encode(["big red", "the dog"])
    assert (vectors.dtype, vectors.shape) == ("float32", (2, 16))
    assert set(vectors.ravel().tolist()) <= {0.0, 1.0}
    assert cut("binary").mteb_model_meta.output_dtypes == [OutputDType.BINARY]


def test_vectors_are_not_quantised_twice(cut: Callable[..., MtebEncoder]) -> None:
    with pytest.raises(ValueError, match="quantise again"):
        cut("int8").encode(["a", "b"], precision="binary")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Estimating quantization")
def test_what_precision_gives_in_mteb_beside_its_wrapper(theirs: Any) -> None:
    """Of int8 the same; of binary the bytes are compared as numbers, which the guide says."""
    packed = {kind: scores(theirs, sts(), precision=kind) for kind in ("int8", "binary")}
    whole = scores(CompressionWrapper(theirs, OutputDType.INT8), sts())
    assert packed["int8"]["main_score"] == pytest.approx(whole["main_score"], abs=1e-6)
    bits = scores(CompressionWrapper(theirs, OutputDType.BINARY), sts())
    assert abs(packed["binary"]["main_score"] - bits["main_score"]) > 0.01
