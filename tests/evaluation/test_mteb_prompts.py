"""`--prompts mteb` beside mteb's own loaders: the text of every task and role, byte for byte."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import mteb
import numpy as np
import pytest
from mteb.models.abs_encoder import AbsEncoder
from mteb.types import PromptType

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.instructions import task_instruction
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.prompts import PromptPolicy, roles_of
from angle_bench.checkpoints.registry.mteb_models import mteb_models, mteb_protocol
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.templates import head_and_tail, render
from angle_bench.errors import UsageError
from angle_bench.evaluation.encoders.load import load
from tests.checkpoints import add_sentence_transformers_files, build_tiny
from tools.generate_tasks import text_encoders, text_tasks
from tools.mteb_prompts import _is_known, _NoWeights, _without_weights, quiet

TEXTS = ["a man eats bread .", "{text} and {instruction}"]
ENGLISH = [task.metadata for task in mteb.get_benchmark("MTEB(eng, v2)").tasks]
# the keys of the folder that google/embeddinggemma-300m is, with words of our own
GEMMA = {
    **{name: f"task: {name} | query: " for name in ("query", "BitextMining", "Clustering")},
    **{name: f"task: {name} | query: " for name in ("Classification", "Reranking", "STS")},
    **{"document": "title: none | text: ", "Retrieval-query": "task: search result | query: "},
    **{"Retrieval-document": "title: none | text: ", "Summarization": "task: summarization | "},
    **{"InstructionRetrieval": "task: code | query: ", "PairClassification": "task: pairs | "},
    "ArguAna-query": "task: counterarguments | query: ",
}
FOLDERS = {
    "Qwen/Qwen3-Embedding-0.6B": ("qwen3", {"query": "Instruct: web\nQuery:", "document": ""}),
    "intfloat/multilingual-e5-large-instruct": ("roberta", {}),
    "intfloat/e5-mistral-7b-instruct": ("mistral", {"web": "Instruct: web\nQuery: "}),
    "google/embeddinggemma-300m": ("bert", GEMMA),
}
# the pooling of the models themselves, which their rows name
LAST = dict.fromkeys(("Qwen/Qwen3-Embedding-0.6B", "intfloat/e5-mistral-7b-instruct"), "lasttoken")

QUICK = ["Qwen/Qwen3-Embedding-0.6B", "google/embeddinggemma-300m"]
SLOW = [name for name in FOLDERS if name not in QUICK]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny folders under the names of models that mteb loads, as sentence-transformers saves."""
    made = tmp_path_factory.mktemp("mirror")
    for name, (architecture, prompts) in FOLDERS.items():
        folder = build_tiny(made / name, architecture)
        add_sentence_transformers_files(folder, LAST.get(name, "mean"))
        place = folder / "config_sentence_transformers.json"
        config = json.loads(place.read_text()) | {"prompts": prompts}
        place.write_text(json.dumps(config))
    return made


class Recorded:
    """mteb's own loader of a name on a folder: what the tokenizer gets, and the vectors."""

    def __init__(self, name: str, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        def of_the_folder(*_: Any, **__: Any) -> SentenceTransformer:
            return SentenceTransformer(str(folder), device="cpu")

        meta = mteb.get_model_meta(name)
        with patch("sentence_transformers.SentenceTransformer", of_the_folder), quiet():
            self.wrapper: Any = meta.loader(name, revision=None, **meta.loader_kwargs)  # type: ignore[misc]
        self.seen: list[str] = []
        tokenizer = self.wrapper.model[0].processor
        tokenise = tokenizer.__class__.__call__

        def recording(own: Any, text: Any = None, *words: Any, **more: Any) -> Any:
            self.seen += [text] if isinstance(text, str) else list(text)
            return tokenise(own, text, *words, **more)

        kind = type(tokenizer.__class__.__name__, (tokenizer.__class__,), {"__call__": recording})
        tokenizer.__class__ = kind

    def encode(self, meta: Any, role: str | None) -> np.ndarray:
        self.seen.clear()
        with quiet():
            found = self.wrapper.encode(
                batches(),
                task_metadata=meta,
                hf_split="test",
                hf_subset="default",
                prompt_type=None if role is None else PromptType(role),
                show_progress_bar=False,
            )
        return np.asarray(found, dtype=np.float32)


def batches() -> Any:
    import datasets
    from torch.utils.data import DataLoader

    return DataLoader(datasets.Dataset.from_dict({"text": TEXTS}), batch_size=2)  # type: ignore[arg-type]


@pytest.mark.process
@pytest.mark.parametrize("name", QUICK + [pytest.param(n, marks=pytest.mark.long) for n in SLOW])
def test_every_task_and_role_is_rendered_as_by_mteb_s_own_loader(name: str, mirror: Path) -> None:
    assert len(ENGLISH) == 41
    theirs = Recorded(name, mirror / name)
    ours = load(name, mirror=mirror, prompts="mteb", dtype="float32", max_length=32, device="cpu:1")
    for number, meta in enumerate(ENGLISH):
        for role in roles_of(meta.name, meta.type):
            vectors = theirs.encode(meta, role)
            template = ours.template(meta.name, meta.type, role, meta.prompt)
            mine = [render(template, text) for text in TEXTS]
            # sentence-transformers also tokenises the prompt alone, to know its length
            seen = [text for text in theirs.seen if text.endswith(tuple(TEXTS))]
            assert sorted(seen) == sorted(mine), (meta.name, role)
            if number % 8 == 0:  # and that is what is encoded
                got = ours.encode(
                    batches(),
                    task_metadata=meta,
                    prompt_type=None if role is None else PromptType(role),
                )
                np.testing.assert_allclose(got, vectors, atol=2e-5)
    ours.close()


def protocols() -> Iterator[str]:
    """A model of each way of prompting that is followed, folders' own left out."""
    seen = []
    for name in mteb_models():
        protocol = mteb_protocol(name)
        if protocol is not None and protocol.model_fields_set and protocol not in seen:
            seen.append(protocol)
            yield name


def followed(name: str, benchmarks: tuple[str, ...]) -> None:
    """Whether our texts of a benchmark's tasks are what mteb's own functions give."""
    protocol = mteb_protocol(name)
    assert protocol is not None
    policy = protocol.policy(PromptPolicy())
    wrapper = _without_weights(text_encoders()[name])
    for benchmark in benchmarks:
        for task in mteb.get_benchmark(benchmark).tasks:
            meta = task.metadata
            for role in roles_of(meta.name, meta.type):
                template = policy.template_for(meta.name, meta.type, role)
                expected = of_mteb(wrapper, meta, role)
                assert render(template, "t") == expected, (name, meta.name, role)


class _Recording(_NoWeights):
    """A model of sentence-transformers that keeps what it is to encode."""

    seen: str = ""

    def encode(
        self, texts: list[str], prompt: str | None = None, prompt_name: str | None = None, **_: Any
    ) -> Any:
        if prompt is None:
            prompt = "" if prompt_name is None else self.prompts[prompt_name]
        (self.seen,) = (prompt + text for text in texts)
        return np.zeros((1, 2), dtype=np.float32)

    def encode_query(self, texts: list[str], prompt: str | None = None, **_: Any) -> Any:
        name = "query" if "query" in self.prompts else None
        return self.encode(texts, prompt, None if prompt is not None else name)

    def encode_document(self, texts: list[str], prompt: str | None = None, **_: Any) -> Any:
        names = [name for name in ("document", "passage", "corpus") if name in self.prompts]
        return self.encode(texts, prompt, names[0] if names and prompt is None else None)


class _OneText:
    """A loader of one text, as mteb's wrappers read it."""

    dataset = SimpleNamespace(features={"text": None})

    def __iter__(self) -> Iterator[dict[str, list[str]]]:
        yield {"text": ["t"]}


def of_mteb(wrapper: Any, meta: Any, role: str | None) -> str:
    """The text `t` as mteb's wrapper hands it to sentence-transformers."""
    wrapper.model.__class__ = _Recording
    kind = None if role is None else PromptType(role)
    wrapper.encode(
        _OneText(), task_metadata=meta, hf_split="test", hf_subset="default", prompt_type=kind
    )
    seen: str = wrapper.model.seen
    return seen


@pytest.mark.parametrize("name", list(protocols()))
def test_every_protocol_is_mteb_s_on_english_and_chinese_tasks(name: str) -> None:
    with quiet():
        followed(name, ("MTEB(eng, v2)", "MTEB(cmn, v1)"))


@pytest.mark.process
@pytest.mark.long
@pytest.mark.parametrize("name", list(protocols()))
def test_every_protocol_is_mteb_s_on_larger_benchmarks(name: str) -> None:
    with quiet():
        followed(name, ("MTEB(Multilingual, v2)", "MTEB(rus, v1)", "MTEB(Code, v1)", "BRIGHT"))


def test_the_instructions_of_all_tasks_are_mteb_s() -> None:
    class Asking(AbsEncoder):
        def encode(self, *args: Any, **kwargs: Any) -> Any: ...

    asking = Asking()
    with quiet():
        for kind in text_tasks():
            meta = kind.metadata
            for role in roles_of(meta.name, meta.type):
                found = asking.get_instruction(meta, None if role is None else PromptType(role))
                assert task_instruction(meta.name, meta.type, role) == found, (meta.name, role)


def test_what_prompts_by_code_is_refused_by_name(mirror: Path) -> None:
    """Of every such model, and never 'no prompt' without a word."""
    by_code = [name for name in mteb_models() if mteb_protocol(name) is None]
    assert "nvidia/NV-Embed-v2" in by_code
    for name in by_code:
        with pytest.raises(UsageError, match="by code of its own"):
            Overrides(prompts="mteb").prompt_policy(name, PromptPolicy())


def test_only_classes_that_keep_mteb_s_way_of_prompting_are_known() -> None:
    """A loader whose class prompts in another way is code, whatever it inherits from."""
    encoders = text_encoders()
    assert _is_known(encoders["Qwen/Qwen3-Embedding-0.6B"].loader)
    for name in ("google/embeddinggemma-2", "nomic-ai/nomic-embed-text-v1.5", "GritLM/GritLM-7B"):
        assert mteb_protocol(name) is None, name


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("Qwen/Qwen3-Embedding-0.6B", Overrides(), None),  # a row, which says its prompts
        ("intfloat/e5-mistral-7b-instruct", Overrides(), None),
        ("google/embeddinggemma-300m", Overrides(), None),  # mteb takes the folder's own
        ("google/embeddinggemma-300m", Overrides(prompt="none"), "--prompts mteb"),
        ("Qwen/Qwen3-Embedding-0.6B", Overrides(prompts="mteb"), None),
    ],
)
def test_a_name_that_mteb_prompts_otherwise_says_so(
    name: str, changes: Overrides, said: str | None, mirror: Path
) -> None:
    note = resolve(name, changes, LoadOptions(mirror=mirror)).note or ""
    assert (said in note) if said else ("mteb" not in note)


def test_braces_of_an_instruction_are_text() -> None:
    template = PromptPolicy(default="I: {instruction} Q: {text}").template_for(
        "own", "STS", None, "find {query} of {text}"
    )
    assert head_and_tail(template) == ("I: find {query} of {text} Q: ", "")
