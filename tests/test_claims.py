"""What the pages say of other libraries is so, in the version that is installed, or has a date.

Each claim names the words of a page and the check that would fail if they were wrong: a function
here, or another file of tests that compares with that library. angle-emb and SentEval, which are
not installed here, are spoken of with a version or a date.
"""

import inspect
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import mteb
import numpy as np
import pytest
from mteb.cli.build_cli import build_cli
from mteb.models.model_implementations import MODEL_REGISTRY

from tests.checkpoints import add_sentence_transformers_files, sts_rows
from tests.evaluation import small_tasks
from tests.test_guide import DOCS, PAGES, ROOT, table_rows

README, FROM_MTEB = ROOT / "README.md", DOCS / "guide/from-mteb.md"
DATED = re.compile(r"\b0\.\d\.\d\b|\b0\.1\b|2\.26|(?:November|December) 2026")


# --- checks against mteb ---


def _verbs() -> dict[str, Any]:
    (verbs,) = (each for each in build_cli()._actions if each.dest == "==SUPPRESS==")
    return dict(verbs.choices)  # type: ignore[arg-type]


def mteb_has_wrappers_of_its_own() -> None:
    for name in ("WhereIsAI/UAE-Large-V1", "mixedbread-ai/mxbai-embed-large-v1"):
        assert MODEL_REGISTRY[name].loader is not None
    assert not [name for name in MODEL_REGISTRY if "angle-" in name.lower() or "bellm" in name]


def uae_gets_its_prompt_on_every_query() -> None:
    prompts = MODEL_REGISTRY["WhereIsAI/UAE-Large-V1"].loader_kwargs["model_prompts"]
    assert prompts["query"].startswith("Represent this sentence")
    assert "ArguAna" not in prompts


def predictions_are_kept_if_asked_for() -> None:
    assert inspect.signature(mteb.evaluate).parameters["prediction_folder"].default is None


def results_lie_under_name_and_revision(tmp_path: Path) -> None:
    place = mteb.ResultCache(tmp_path).get_task_result_path("STS12", "org/name", "r1")
    assert place.relative_to(tmp_path).parts[-3:] == ("org__name", "r1", "STS12.json")


def models_are_compared_by_borda_ranks() -> None:
    folder = Path(mteb.__file__).parent
    source = "\n".join(
        place.read_text(encoding="utf-8")
        for room in ("benchmarks", "results", "leaderboard", "cli")
        for place in (folder / room).rglob("*.py")
    )
    assert "borda" in source.lower()
    assert not re.search(r"bootstrap|p_value|ttest|wilcoxon|confidence_interval", source, re.I)


def mteb_trains_nothing() -> None:
    assert "train" not in _verbs()
    assert not hasattr(mteb, "train")


def mteb_has_other_tasks_and_models() -> None:
    from mteb.get_tasks import _TASKS_REGISTRY

    kinds = [set(kind.metadata.modalities) for kind in _TASKS_REGISTRY.values()]
    assert len(kinds) > 2000
    assert sum(bool(each - {"text"}) for each in kinds) > 700
    assert set.union(*kinds) == {"text", "image", "audio", "video"}
    metas = list(MODEL_REGISTRY.values())
    assert len(metas) > 900
    assert any(meta.is_cross_encoder for meta in metas)
    assert any("API" in meta.framework for meta in metas)
    from mteb.models.sentence_transformer_wrapper import CrossEncoderWrapper, SparseEncoderWrapper

    assert CrossEncoderWrapper
    assert SparseEncoderWrapper


def mteb_has_a_leaderboard_and_takes_submissions() -> None:
    assert {"leaderboard", "submit-results"} <= set(_verbs())


def a_folder_is_refused(st_folder: Path) -> None:
    with pytest.raises(NotImplementedError, match="No model implementation"):
        mteb.get_model(str(st_folder), device="cpu")


def only_one_device_can_be_typed() -> None:
    (option,) = (each for each in _verbs()["run"]._actions if each.dest == "device")
    assert (option.nargs, option.type) == (None, int)


def several_devices_go_in_python() -> None:
    from sentence_transformers import SentenceTransformer

    assert "list[" in str(inspect.signature(SentenceTransformer.encode).parameters["device"])
    assert "encode_kwargs" in inspect.signature(mteb.evaluate).parameters


class _Counting:
    """An encoder of mteb's that counts the texts it gets."""

    def __init__(self, model: Any) -> None:
        from mteb.models import SentenceTransformerEncoderWrapper

        self._model = SentenceTransformerEncoderWrapper(model)
        self.mteb_model_meta = self._model.mteb_model_meta
        self.texts = 0

    def encode(self, inputs: Any, **given: Any) -> Any:
        self.texts += sum(len(batch["text"]) for batch in inputs)
        return self._model.encode(inputs, **given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def _sts(rows: list[dict[str, object]]) -> Any:
    task = small_tasks.sts()
    task.dataset = {"test": datasets.Dataset.from_list(rows)}
    return task


def texts_are_encoded_as_often_as_they_occur(st_folder: Path) -> None:
    encoder = _Counting(_model(st_folder))
    same = [{**row, "sentence1": "a man eats bread ."} for row in sts_rows(6)]
    mteb.evaluate(encoder, _sts(same), cache=None, show_progress_bar=False)
    assert encoder.texts == 12


def _model(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu")


def _score(model: Any, cache: Any, rows: list[dict[str, object]]) -> float:
    found = mteb.evaluate(model, _sts(rows), cache=cache, show_progress_bar=False)
    return float(found.task_results[0].get_score())


def old_scores_are_kept(st_folder: Path, tmp_path: Path) -> None:
    """Of a checkpoint that was overwritten, and of data that changed."""
    import torch

    cache = mteb.ResultCache(tmp_path / "cache")
    first = _score(_model(st_folder), cache, sts_rows(24))
    changed = _model(st_folder)
    with torch.no_grad():
        for weight in changed.parameters():
            weight.add_(torch.randn_like(weight))
    old = pytest.approx(first, abs=1e-5)  # a stored score has six decimals
    assert _score(changed, cache, sts_rows(24)) == old
    assert _score(_model(st_folder), cache, sts_rows(24, seed=5)) == old
    assert _score(changed, None, sts_rows(24)) != old
    assert _score(_model(st_folder), None, sts_rows(24, seed=5)) != old


def a_broken_file_stops_the_run(st_folder: Path, tmp_path: Path) -> None:
    cache = mteb.ResultCache(tmp_path / "cache")
    _score(_model(st_folder), cache, sts_rows(24))
    (place,) = (tmp_path / "cache").rglob("STSBenchmark.json")
    place.write_text('{"task_name": "STS')
    with pytest.raises((json.JSONDecodeError, ValueError)):
        _score(_model(st_folder), cache, sts_rows(24))


def a_failed_task_stops_the_run() -> None:
    assert inspect.signature(mteb.evaluate).parameters["raise_error"].default is True


def documents_are_drawn_ten_times() -> None:
    from mteb.abstasks import AbsTaskClustering

    assert AbsTaskClustering.n_clusters == 10
    source = inspect.getsource(inspect.getmodule(AbsTaskClustering))  # type: ignore[arg-type]
    assert "MiniBatchKMeans" in source
    assert ".choices(" in source


def metrics_are_rounded_to_five_decimals() -> None:
    import mteb._evaluators.retrieval_metrics as metrics

    assert "round(" in inspect.getsource(metrics)
    assert re.search(r"round\([^\n]+, 5\)", inspect.getsource(metrics))


# --- checks against sentence-transformers ---


def sentence_transformers_has_many_losses() -> None:
    from sentence_transformers.cross_encoder import losses as of_rerankers
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sparse_encoder import losses as of_sparse

    names = [name for name in dir(losses) if name.endswith("Loss")]
    assert len(names) > 25
    assert {"AnglELoss", "MatryoshkaLoss", "Matryoshka2dLoss"} <= set(names)
    assert any(name.endswith("Loss") for name in dir(of_rerankers))
    assert any(name.endswith("Loss") for name in dir(of_sparse))


def sentence_transformers_loads_other_kinds() -> None:
    import sentence_transformers as library

    assert library.SparseEncoder
    assert library.CrossEncoder
    assert library.MultiVectorEncoder
    assert hasattr(library.SentenceTransformer, "load_adapter")
    backend = inspect.signature(library.SentenceTransformer.__init__).parameters["backend"]
    assert "onnx" in str(backend.annotation)
    assert "openvino" in str(backend.annotation)


def sentence_transformers_batches_by_count() -> None:
    from sentence_transformers import SentenceTransformer

    assert inspect.signature(SentenceTransformer.encode).parameters["batch_size"].default == 32


def sentence_transformers_evaluates_into_csv() -> None:
    from sentence_transformers.sentence_transformer import evaluation

    told = inspect.signature(evaluation.EmbeddingSimilarityEvaluator.__init__).parameters
    assert told["write_csv"].default is True
    assert evaluation.NanoBEIREvaluator


@dataclass(frozen=True)
class Claim:
    """Words of a page, and what checks them: a function here, or a file of tests."""

    page: str
    words: str
    by: Callable[..., None] | str


HERE = (
    Claim("README.md", "UAE and mxbai, by its own wrappers", mteb_has_wrappers_of_its_own),
    Claim("README.md", "its files; predictions if asked for", predictions_are_kept_if_asked_for),
    Claim("README.md", "name and revision", results_lie_under_name_and_revision),
    Claim("README.md", "Borda ranks", models_are_compared_by_borda_ranks),
    Claim("README.md", "several devices in Python", several_devices_go_in_python),
    Claim("README.md", "with the gradients of one process | –", mteb_trains_nothing),
    Claim("README.md", "over 2,000, of them over 700 with", mteb_has_other_tasks_and_models),
    Claim("README.md", "over 900, also hosted APIs and", mteb_has_other_tasks_and_models),
    Claim(
        "README.md",
        "reads mteb's results repository | yes",
        mteb_has_a_leaderboard_and_takes_submissions,
    ),
    Claim("README.md", "114 s with sentence-transformers", "benchmarks/sts.py"),
    Claim("README.md", "folders of its own, adapters too", sentence_transformers_loads_other_kinds),
    Claim("README.md", "CSV", sentence_transformers_evaluates_into_csv),
    Claim("README.md", "batches by count, several devices", sentence_transformers_batches_by_count),
    Claim("README.md", "over 25 losses", sentence_transformers_has_many_losses),
    Claim(
        "README.md",
        "also sparse, multi-vector encoders and rerankers; ONNX, OpenVINO",
        sentence_transformers_loads_other_kinds,
    ),
    Claim("README.md", "evaluators for training", sentence_transformers_evaluates_into_csv),
    Claim("docs/guide/from-mteb.md", "refused by its command line", a_folder_is_refused),
    Claim("docs/guide/from-mteb.md", "on every query", uae_gets_its_prompt_on_every_query),
    Claim("docs/guide/from-mteb.md", "may keep the old score", old_scores_are_kept),
    Claim("docs/guide/from-mteb.md", "`only-missing` keeps the old score", old_scores_are_kept),
    Claim("docs/guide/from-mteb.md", "stops the run", a_broken_file_stops_the_run),
    Claim(
        "docs/guide/from-mteb.md",
        "stops the run, unless told otherwise",
        a_failed_task_stops_the_run,
    ),
    Claim(
        "docs/guide/from-mteb.md",
        "encoded as often as they occur",
        texts_are_encoded_as_often_as_they_occur,
    ),
    Claim("docs/guide/from-mteb.md", "in Python, `encode_kwargs=", several_devices_go_in_python),
    Claim("docs/guide/from-mteb.md", "one by its command line", only_one_device_can_be_typed),
    Claim("docs/guide/from-mteb.md", "difference of scores", models_are_compared_by_borda_ranks),
    Claim("docs/guide/from-mteb.md", "over 700 tasks", mteb_has_other_tasks_and_models),
    Claim(
        "docs/guide/from-mteb.md",
        "rerankers, sparse encoders | yes",
        mteb_has_other_tasks_and_models,
    ),
    Claim(
        "docs/guide/from-mteb.md",
        "a leaderboard for everybody | [yes]",
        mteb_has_a_leaderboard_and_takes_submissions,
    ),
    Claim(
        "docs/statistics.md",
        "mteb draws documents with replacement ten times",
        documents_are_drawn_ten_times,
    ),
    Claim("docs/files.md", "mteb rounds retrieval metrics", metrics_are_rounded_to_five_decimals),
)
ELSEWHERE = (
    ("docs/export.md", "mteb pushes", "evaluation/test_hub_results.py"),
    ("docs/export.md", "sentence-transformers has no place for", "training/test_export.py"),
    ("docs/files.md", "mteb loads it, after its own", "evaluation/test_item_predictions.py"),
    ("docs/files.md", "where mteb leaves the text out", "evaluation/test_item_predictions.py"),
    ("docs/files.md", "as mteb leaves them out", "evaluation/test_own_tasks.py"),
    ("docs/files.md", "than mteb writes", "results/test_every_score_beside_mteb.py"),
    ("docs/guide/espresso.md", "mteb encodes in one call", "encoding/test_precision.py"),
    ("docs/guide/espresso.md", "mteb warns of fewer than", "encoding/test_precision.py"),
    ("docs/guide/espresso.md", "mteb gives NaN", "encoding/test_precision.py"),
    ("docs/guide/from-mteb.md", "So mteb reads them", "results/test_folder.py"),
    ("docs/guide/from-senteval.md", "That is also what MTEB does", "evaluation/test_mteb.py"),
    ("docs/guide/paper-table.md", "mteb does not know", "evaluation/test_training_sets.py"),
    ("docs/guide/paper-table.md", "`mteb submit-results", "api/publishing/test_submitting.py"),
    ("docs/models.md", "mteb does not score by them", "evaluation/test_st_zoo.py"),
    ("docs/models.md", "sentence-transformers gives for each", "models/test_architectures.py"),
    ("docs/models.md", "sentence-transformers counts them", "training/test_include_prompt.py"),
    ("docs/models.md", "as mteb gives it to encoders", "evaluation/test_mteb_prompts.py"),
    ("docs/models.md", "mteb gives prompts or", "evaluation/test_mteb_prompts.py"),
    ("docs/models.md", "mteb leaves texts without a role bare", "models/test_instructed.py"),
    ("docs/models.md", "which sentence-transformers does otherwise", "evaluation/test_static.py"),
    ("docs/models.md", "the commit that mteb names", "evaluation/test_mteb_names.py"),
    ("docs/models.md", "Where mteb names no commit", "evaluation/test_mteb_names.py"),
    ("docs/tasks.md", "as C-MTEB counts them", "evaluation/test_generate.py"),
    ("docs/tasks.md", "mteb names of it", "reporting/test_by_language.py"),
    ("docs/tasks.md", "mteb does not publish", "results/test_private_tasks.py"),
    ("docs/training.md", "as angle-emb does", "training/test_loss.py"),
    ("docs/training.md", "as sentence-transformers' does", "training/test_apart.py"),
    ("docs/training.md", "`MatryoshkaLoss` and `Matryoshka2dLoss`", "training/test_matryoshka.py"),
)
CLAIMS = (*HERE, *(Claim(page, words, f"tests/{by}") for page, words, by in ELSEWHERE))

# what only sounds as if something were said of others: what angle-bench does with them
OURS = (
    "a name that mteb knows",
    "Names that mteb knows",
    "before mteb is asked",
    "`--prompts mteb` computes it here",
    "mteb run -m jinaai",
    "that mteb knows; `@REVISION`",
    "mteb has only a name",
    "mteb version, suite version",
    "sentence-transformers computes",
    "from outside of sentence-transformers is imported",
    "the mteb that these files were generated from",
    "mteb comes from mteb's metadata",
    "takes what mteb's own loader",
    "mteb is imported while",
    "models that mteb loads itself",
    "which SentEval did not give",
    "refuses prompts with a tail",
    "STS-SentEval` against",
    "publishes. The copies on the hub",
    "`mteb run -m NAME",
    "at its peak while mteb scores",
    "SimCSE papers: SICKRelatedness",
)


def text_of(page: str) -> str:
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.words)
def test_the_words_stand_there_and_are_checked(claim: Claim) -> None:
    assert " ".join(claim.words.split()) in text_of(claim.page)
    assert not isinstance(claim.by, str) or (ROOT / claim.by).is_file()


@pytest.fixture
def st_folder(tiny_bert: Path) -> Path:
    """A folder of sentence-transformers."""
    add_sentence_transformers_files(tiny_bert)
    return tiny_bert


@pytest.mark.parametrize(
    "check",
    dict.fromkeys(claim.by for claim in HERE if not isinstance(claim.by, str)),
    ids=lambda check: check.__name__,
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_said_is_so(check: Callable[..., None], request: pytest.FixtureRequest) -> None:
    check(**{name: request.getfixturevalue(name) for name in inspect.signature(check).parameters})


@pytest.mark.process
@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_mteb_has_several_devices(st_folder: Path) -> None:
    model, task = _model(st_folder), small_tasks.sts()
    alone = small_tasks.scores(model, task)
    both = small_tasks.scores(model, task, device=["cpu", "cpu"])
    assert alone.keys() == both.keys()
    np.testing.assert_allclose(list(alone.values()), list(both.values()), atol=1e-5)


def test_what_is_typed_in_mteb_is_understood_there() -> None:
    """The commands of mteb in the guide, by mteb's own parser."""
    cells = [row[0] for row in table_rows(FROM_MTEB.read_text(encoding="utf-8"))]
    commands = [found.group(1) for cell in cells if (found := re.match(r"`mteb ([^`]+)`", cell))]
    options = [found.group(1) for cell in cells if (found := re.match(r"`(--?\w[^`]*)`", cell))]
    options = ["-b 'MTEB(eng, v2)'" if each.startswith("-b") else each for each in options]
    assert len(commands) >= 3
    assert len(options) >= 7
    parser = build_cli()
    for words in [*commands, *(f"run -m NAME {option}" for option in options)]:
        assert parser.parse_args(shlex.split(words))
    with pytest.raises(SystemExit):
        parser.parse_args(["run", "-m", "NAME", "--device", "cuda:0"])


def _covered(line: str, page: str) -> bool:
    words = [claim.words for claim in CLAIMS if claim.page == page]
    return any(each in line for each in (*words, *OURS)) or bool(DATED.search(line))


def test_every_cell_about_others_is_a_claim() -> None:
    """The columns of mteb and sentence-transformers; that of angle-emb has its version."""
    lines = README.read_text(encoding="utf-8").split("## Comparison")[1].split("## What")[0]
    head = lines[lines.index("| |") :].splitlines()[0]
    assert re.search(r"mteb 2\.26 \| sentence-transformers 6\.\d \| angle-emb 0\.6\.1", head)
    for row in table_rows(lines):
        for cell in row[2:4]:
            claimed = [c.words for c in HERE if c.page == "README.md"]
            assert cell in ("", "–", "yes") or any(
                cell in words or words in cell for words in claimed
            ), cell
    what = FROM_MTEB.read_text(encoding="utf-8").split("## What differs")[1]
    for row in table_rows(what):
        assert _covered(" | ".join(row), "docs/guide/from-mteb.md"), row


NO_VERB = "results|tasks|models|this|checkpoint|and|not|but|import|on|in|than|when|is the"
SAYING = re.compile(
    r"\b(mteb|MTEB|sentence-transformers|angle-emb|SentEval|SimCSE)\b[`)]*"
    rf"(?: (?:also|alone|itself|never|only|still))? (?!(?:{NO_VERB})\b)"
    r"([a-z]+(?:s|ed|t|ve|n))\b"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_sentence_says_more(page: Path) -> None:
    """A sentence whose subject is another library is a claim, dated, or about us all the same."""
    name = page.relative_to(ROOT).as_posix()
    if page.name in ("cli.md", "architecture.md"):
        pytest.skip("it speaks of angle-bench alone")
    paragraphs = [
        " ".join(each.split())
        for block in page.read_text(encoding="utf-8").split("\n\n")
        for each in (block.splitlines() if block.lstrip().startswith("|") else [block])
    ]
    dated = bool(re.search(r"as they were in November 2026", text_of(name)))
    for paragraph in paragraphs:
        for found in SAYING.finditer(paragraph):
            around = paragraph[max(0, found.start() - 60) : found.end() + 160]
            assert dated or _covered(around, name), f"name a check of it, or a version: {around}"
