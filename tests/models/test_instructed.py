"""Instruction-tuned and prefixed embedders of the registry, on tiny random checkpoints.

The right vectors are those of mteb's own loader of the name, of sentence-transformers, or of the
code in the model card. A tiny checkpoint has the architecture, the modules and the padding side of
the real one; the settings are those of the row, in float32.
"""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pytest
import torch
from mteb._create_dataloaders import create_dataloader
from mteb.types import PromptType
from sentence_transformers import SentenceTransformer

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.loading.backbone import load_backbone
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.prompts import PromptPolicy, alike, roles_of
from angle_bench.checkpoints.registry.mteb_models import mteb_protocol
from angle_bench.checkpoints.registry.registry import registry
from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.workers.forward import Forward
from angle_bench.encoding.workers.inline import InlineWorker
from angle_bench.evaluation.encoders.load import load_any
from angle_bench.evaluation.run.run_options import Computing
from tests import st_zoo, zoo

TEXTS = [
    "A cat sits on the mat.",
    "Vectors are compared",
    "naïve café Straße, words on both sides of a small table beside the window",
]
LENGTH = 128  # tokens, of which a tiny checkpoint has positions
# one of each type of task
TASKS = (
    *("STSBenchmark", "NFCorpus", "AskUbuntuDupQuestions", "Banking77Classification"),
    *("TwentyNewsgroupsClustering", "SprintDuplicateQuestions", "SummEval", "Tatoeba"),
)
INSTRUCTED = {
    "Qwen/Qwen3-Embedding-0.6B": "qwen3",
    "Qwen/Qwen3-Embedding-4B": "qwen3",
    "Qwen/Qwen3-Embedding-8B": "qwen3",
    "intfloat/multilingual-e5-large-instruct": "xlm-roberta",
}
PREFIXED = {
    "intfloat/multilingual-e5-small": "bert",
    "intfloat/multilingual-e5-base": "xlm-roberta",
    "intfloat/multilingual-e5-large": "xlm-roberta",
    "Snowflake/snowflake-arctic-embed-m": "bert",
    "Snowflake/snowflake-arctic-embed-l": "bert",
    "Snowflake/snowflake-arctic-embed-m-v1.5": "bert",
    "Snowflake/snowflake-arctic-embed-l-v2.0": "xlm-roberta",
}
WITH_EOS = "intfloat/e5-mistral-7b-instruct"
TINY = {**INSTRUCTED, **PREFIXED, WITH_EOS: "mistral"}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Under each name a tiny checkpoint as its authors' folder is laid out."""
    root = tmp_path_factory.mktemp("mirror")

    def plain(base: str, side: str) -> Path:
        folder = root / "plain" / f"{base}-{side}"
        if not folder.is_dir():
            zoo.transformer(base, folder, side)
        return folder

    for name, base in TINY.items():
        row = registry()[name]
        side = str(row.padding_side)
        said = st_zoo.Said(
            base, side, str(row.pooling), normalize=True, transformer={"max_seq_length": LENGTH}
        )
        st_zoo.write(said, root / name, plain)
    return root


@pytest.fixture
def ours(mirror: Path) -> Iterator[Callable[[str], Any]]:
    made: list[Any] = []

    def load(name: str) -> Any:
        changes = Overrides(dtype="float32", max_length=LENGTH)
        spec = resolve(name, changes, LoadOptions(mirror=mirror))
        assert spec.loader == "transformers"
        encoder: Any = load_any(spec, Computing("cpu:1"))
        settings = encoder.spec.settings
        device = torch.device("cpu")
        backbone = load_backbone(CheckpointPaths(spec.folder), settings, device)
        # the model is in this process, where it loads in no time
        encoder.encoder.start = lambda: InlineWorker(Forward(backbone, settings))
        made.append(encoder)
        return encoder

    yield load
    for each in made:
        each.close()


def asked() -> Iterator[tuple[Any, str | None]]:
    """Tasks of every type with the roles of their texts."""
    for name in TASKS:
        meta = mteb.get_task(name).metadata
        for role in roles_of(meta.name, meta.type):
            yield meta, role


@pytest.mark.parametrize("name", list(INSTRUCTED))
def test_vectors_are_those_of_mtebs_own_loader(
    name: str, mirror: Path, ours: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.chdir(mirror)  # where mteb's loader finds the tiny checkpoint under the name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = mteb.get_model(name, device="cpu", model_kwargs={"dtype": "float32"})
    encoder, seen = ours(name), []
    for meta, role in asked():
        data = datasets.Dataset.from_dict({"text": TEXTS})
        type_ = None if role is None else PromptType(role)
        loader = create_dataloader(data, task_metadata=meta, input_column="text")
        want = theirs.encode(
            loader, task_metadata=meta, hf_split="test", hf_subset="default", prompt_type=type_
        )
        found = encoder.encode(TEXTS, task_metadata=meta, prompt_type=type_)
        np.testing.assert_allclose(found, want, atol=2e-5, rtol=0, err_msg=f"{meta.name} {role}")
        seen.append(np.asarray(found))
    assert np.abs(seen[0] - seen[2]).max() > 0.01  # an instruction and none


@pytest.mark.parametrize("name", list(PREFIXED))
def test_vectors_are_those_of_sentence_transformers(
    name: str, mirror: Path, ours: Callable[[str], Any]
) -> None:
    theirs, encoder = SentenceTransformer(str(mirror / name), device="cpu"), ours(name)
    e5 = name.startswith("intfloat")
    arctic = "query: " if name.endswith("v2.0") else f"{SEARCHING} "
    prefix = {
        "query": "query: " if e5 else arctic,
        "document": "passage: " if e5 else "",
        None: "query: " if e5 else "",
    }
    for meta, role in asked():
        want = theirs.encode(TEXTS, prompt=prefix[role])
        type_ = None if role is None else PromptType(role)
        found = encoder.encode(TEXTS, task_metadata=meta, prompt_type=type_)
        np.testing.assert_allclose(found, want, atol=2e-5, rtol=0, err_msg=f"{meta.name} {role}")


SEARCHING = "Represent this sentence for searching relevant passages:"


def test_the_end_of_text_is_pooled_as_in_the_model_card(
    mirror: Path, ours: Callable[[str], Any]
) -> None:
    """Without it the last word would be; transformers 5 does not append it for this tokenizer."""
    from tokenizers import Tokenizer, processors
    from transformers import AutoModel, AutoTokenizer

    place = mirror / WITH_EOS / "tokenizer.json"
    bare = Tokenizer.from_file(str(place))
    bare.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", bare.token_to_id("<s>"))]
    )
    place.unlink()  # a link to that of others
    bare.save(str(place))
    tokenizer = AutoTokenizer.from_pretrained(mirror / WITH_EOS, padding_side="left")
    model = AutoModel.from_pretrained(mirror / WITH_EOS).eval()
    encoder, short = ours(WITH_EOS), TEXTS[:2]  # which need not be cut
    for meta, role in asked():
        type_ = None if role is None else PromptType(role)
        prompt = encoder.spec.settings.prompts.template_for(meta.name, meta.type, role)
        assert prompt.endswith("{text}</s>")
        before = prompt.removesuffix("{text}</s>").replace("{{", "{").replace("}}", "}")
        ids = [[*tokenizer(before + text)["input_ids"], tokenizer.eos_token_id] for text in short]
        batch = tokenizer.pad({"input_ids": ids}, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state
        want = torch.nn.functional.normalize(hidden[:, -1], dim=1).numpy()
        found = encoder.encode(short, task_metadata=meta, prompt_type=type_)
        np.testing.assert_allclose(found, want, atol=2e-5, rtol=0, err_msg=f"{meta.name} {role}")


@pytest.mark.parametrize("name", list(INSTRUCTED))
def test_prompts_are_those_of_mteb_on_every_type_and_task(name: str) -> None:
    protocol = mteb_protocol(name)
    assert protocol is not None
    assert alike(registry()[name].settings().prompts, protocol.policy(PromptPolicy()))


def test_every_row_of_these_names_its_evidence_and_its_commit() -> None:
    from angle_bench.checkpoints.registry.mteb_models import mteb_models

    here = Path(__file__).name
    for name in TINY:
        row = registry()[name]
        assert here in str(row.evidence)
        assert row.revision == mteb_models()[name]
