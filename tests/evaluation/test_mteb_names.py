"""Names that mteb's own loader computes: vectors kept, every device, what cannot run here.

The right values are those of mteb with the same loader and nothing of ours in it.
"""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import mteb
import numpy as np
import pytest
from mteb.types import PromptType
from torch.utils.data import DataLoader

from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.registry import mteb_requirements
from angle_bench.checkpoints.registry.mteb_models import has_own_code, mteb_models, required_extras
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.encoding.store.memory import MemoryStore
from angle_bench.errors import ModelError, UsageError
from angle_bench.evaluation.encoders.libraries import foreign
from angle_bench.evaluation.encoders.libraries.foreign import load_from_mteb
from angle_bench.evaluation.encoders.libraries.mteb_calls import KeptCalls, call_of
from angle_bench.evaluation.run.run_options import Computing, refuse_unused_options
from angle_bench.evaluation.run.scorable import scorable_suite
from angle_bench.suites.select import select
from tests import st_zoo, zoo
from tests.evaluation.small_tasks import classification, retrieval, same_scores, scores, sts

PREFIXED = "intfloat/e5-small"  # "query: " and "passage: "
INSTRUCTED = "intfloat/multilingual-e5-large-instruct"  # templates by task
FORMATTED = "WhereIsAI/UAE-Large-V1"  # puts its prompts around texts itself
OF_OPENAI = "openai/text-embedding-3-small"
NAMES = (PREFIXED, INSTRUCTED, FORMATTED)
TASKS = {"sts": sts, "retrieval": retrieval, "classification": classification}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder in which mteb's loaders find a tiny checkpoint under each name."""
    root = tmp_path_factory.mktemp("names")
    zoo.transformer("bert", root / "plain")
    st_zoo.write(st_zoo.OURS["normalize"], root / "st", lambda *_: root / "plain")
    for name in NAMES:
        shutil.copytree(root / "st", root / name)
    return root


@pytest.fixture(autouse=True)
def _in_the_folder(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folders)


def spec_of(name: str) -> ModelSpec:
    return ModelSpec(name=name, label=name, revision=str(mteb_models()[name]), loader="mteb")


def mtebs_own(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mteb.get_model(name, device="cpu")


@pytest.fixture
def loaded() -> Any:
    made: list[Any] = []

    def load(name: str, device: str = "cpu:1", store: MemoryStore | None = None) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.append(load_from_mteb(spec_of(name), device, store))
        return made[-1]

    yield load
    for each in made:
        each.model.vectors.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("task", list(TASKS))
def test_scores_are_mtebs_and_the_second_time_nothing_is_computed(
    loaded: Callable[..., Any], name: str, task: str
) -> None:
    store = MemoryStore(1 << 20)
    want = scores(mtebs_own(name), TASKS[task]())
    first = loaded(name, store=store)
    assert isinstance(first.model, KeptCalls)
    again = loaded(name, store=store)
    for model in (first, again):
        same_scores(scores(model, TASKS[task]()), want)
    assert first.model.vectors.counts.forwarded > 0
    assert again.model.vectors.counts.forwarded == 0
    assert again.model.vectors.counts.texts == first.model.vectors.counts.texts


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("role", [None, *PromptType])
@pytest.mark.parametrize("task", list(TASKS))
def test_vectors_are_mtebs(
    loaded: Callable[..., Any], name: str, task: str, role: PromptType | None
) -> None:
    """Under the prompt of each type of task and role, which a score may not tell apart."""
    call = {
        "task_metadata": TASKS[task]().metadata,
        "hf_split": "test",
        "hf_subset": "default",
        "prompt_type": role,
    }
    rows = datasets.Dataset.from_dict({"text": ["a man eats", "a dog"]})
    texts = DataLoader(rows, batch_size=2)
    found, want = loaded(name).encode(texts, **call), mtebs_own(name).encode(texts, **call)
    np.testing.assert_allclose(np.asarray(found), np.asarray(want), atol=2e-5, rtol=0)


@pytest.mark.process
def test_two_devices_give_the_scores_of_one(loaded: Callable[..., Any]) -> None:
    one, two = loaded(PREFIXED), loaded(PREFIXED, "cpu:2")
    want, found = scores(one, sts()), scores(two, sts())
    assert {key: round(value, 4) for key, value in found.items()} == {
        key: round(value, 4) for key, value in want.items()
    }
    assert len(two.model.vectors.pool["processes"]) == 2
    assert (one.model.vectors.where, two.model.vectors.where) == ("cpu", "cpu x2")


def test_whose_vectors_they_are(
    loaded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a name, its commit, what mteb's loader was given, and the versions; of no process."""
    one = loaded(PREFIXED).model.vectors.identity
    assert one == loaded(PREFIXED).model.vectors.identity
    assert spec_of(PREFIXED).revision in one.content
    assert one.content != loaded(INSTRUCTED).model.vectors.identity.content
    assert "0x" not in loaded(INSTRUCTED).model.vectors.identity.settings
    monkeypatch.setattr(foreign, "version", lambda name: "99")
    assert loaded(PREFIXED).model.vectors.identity.settings != one.settings


def test_a_name_without_a_commit_is_not_stored() -> None:
    store = MemoryStore(1 << 20)
    spec = spec_of(PREFIXED).model_copy(update={"revision": "no_revision_available"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = load_from_mteb(spec, "cpu:1", store)
    assert model.model.vectors.store is None
    assert "names no commit" in model.model.vectors.warnings()[0]


def test_what_cannot_be_kept_is_the_librarys(loaded: Callable[..., Any]) -> None:
    texts = ["a man eats", "a dog", "a man eats"]
    ours, theirs = loaded(PREFIXED, store=MemoryStore(1 << 20)).model, mtebs_own(PREFIXED).model
    for given in (
        {"prompt": "query: "},
        {"prompt_name": "query"},
        {"convert_to_tensor": True},
        {"normalize_embeddings": True, "batch_size": 2},
        {"precision": "int8"},
        {"truncate_dim": 5},
        {"output_value": "token_embeddings"},
    ):
        found, want = ours.encode(texts, **given), theirs.encode(texts, **given)
        assert type(found) is type(want), given
        for one, other in zip(found, want, strict=True):
            np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=2e-5)
    said = ours.vectors.warnings()
    assert len(said) == 1
    assert "asks for what is not kept" in said[0]
    assert call_of(None, {"mask": object()}) is None
    assert call_of(None, {"task": "a"}).key("t") != call_of(None, {"task": "b"}).key("t")  # type: ignore[union-attr]


def test_a_model_that_its_wrapper_changes_is_not_stored_any_more(
    loaded: Callable[..., Any],
) -> None:
    ours = loaded(PREFIXED, store=MemoryStore(1 << 20)).model
    ours.max_seq_length = 7
    assert ours.vectors.model.max_seq_length == 7
    assert ours.vectors.store is None
    assert "sets max_seq_length" in ours.vectors.warnings()[0]


def test_devices_that_own_code_does_not_know_are_refused() -> None:
    assert has_own_code(OF_OPENAI)
    assert not any(map(has_own_code, NAMES))
    for device in ("cpu:2", "cuda:0,cuda:1"):
        with pytest.raises(UsageError, match="one device"):
            refuse_unused_options(spec_of(OF_OPENAI), Computing(device))
        refuse_unused_options(spec_of(PREFIXED), Computing(device))
    for device in ("auto", "cpu", "cpu:1", "cuda:1"):
        refuse_unused_options(spec_of(OF_OPENAI), Computing(device))


@pytest.mark.parametrize("name", sorted({"jinaai/jina-embeddings-v3", OF_OPENAI}))
def test_what_cannot_run_here_is_refused_with_a_recipe(name: str) -> None:
    """Before mteb is asked, and by its own word for it."""
    why = mteb_requirements.cannot_run(name)
    assert why is not None
    with pytest.raises(ModelError, match="cannot run here") as caught:
        load_from_mteb(spec_of(name), "cpu")
    assert f"mteb[{','.join(required_extras(name))}]" in caught.value.fix
    assert "angle-bench leaderboard results theirs" in caught.value.fix
    with pytest.raises(ImportError, match="missing required dependencies"):
        mteb.get_model(name)


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.long)])
def test_what_is_missing_is_what_mteb_misses(every: int) -> None:
    from mteb.models.model_implementations import MODEL_REGISTRY
    from mteb.models.model_meta import ModelMeta

    for name in sorted(mteb_models())[::every]:
        groups = MODEL_REGISTRY[name]._resolve_extras_groups()
        lacking = ModelMeta._missing_dependencies(groups) if groups else []
        assert bool(lacking) == (mteb_requirements.cannot_run(name) is not None), name


def test_a_vector_of_each_token_is_not_compared_in_sts() -> None:
    """A name of which mteb says so is left out of the tasks that mteb has no score for."""
    from mteb.models.model_implementations import MODEL_REGISTRY

    from angle_bench.checkpoints.registry.registry import find
    from angle_bench.checkpoints.resolve import resolve

    kinds = {name: resolve(name).kind for name in mteb_models() if find(name) is None}
    for name, kind in kinds.items():
        late = MODEL_REGISTRY[name].model_type == ["late-interaction"]
        assert (kind == "multi-vector encoder") == late, name
    spec = resolve("lightonai/GTE-ModernColBERT-v1")
    said: list[str] = []
    left = scorable_suite([spec], select(["STS12,NFCorpus,AskUbuntuDupQuestions"]), said)
    assert [task.name for task in left.task] == ["NFCorpus", "AskUbuntuDupQuestions"]
    assert said[0].endswith("1 of 3 tasks left out: STS12")
    with pytest.raises(UsageError, match="none of these tasks: STS12"):
        scorable_suite([spec], select(["STS12"]), said)


def test_a_setting_of_ours_makes_it_computed_here_or_is_refused() -> None:
    from angle_bench.checkpoints.resolve import resolve

    with pytest.raises(UsageError, match="loaded by mteb with its own settings; --pooling"):
        resolve(OF_OPENAI, Overrides(pooling="cls"))
