"""Any key of a folder changed: vectors change as sentence-transformers' do, or it is said why not.

Each change is made to a folder that that library saved; it then gives the same vectors here as
there, computed by us or handed over, or the folder is refused by name.
"""

import logging
import random
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angle_bench.checkpoints.folder.content import changes_vectors, content_hash
from angle_bench.checkpoints.loading.panics import panics_caught
from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.workers.child import load_forward
from angle_bench.encoding.workers.contract import Workers
from angle_bench.encoding.workers.inline import InlineWorker
from angle_bench.errors import AngleBenchError
from angle_bench.evaluation.encoders.libraries.foreign import load_handed_over
from angle_bench.evaluation.encoders.load import load_variants
from angle_bench.evaluation.encoders.sentence_encoder import SentenceEncoder
from angle_bench.evaluation.encoders.worker_reuse import IdleWorkers
from angle_bench.evaluation.run.run_options import Computing
from tests import zoo
from tests.checkpoints import build_tiny_bert
from tests.json_changes import Change, apply, drawn, places
from tests.models.test_folder import make_old

# the libraries that load them, of old architectures and odd settings
pytestmark = pytest.mark.filterwarnings(
    r"ignore:::(peft|transformers|sentence_transformers|torch)\."
)

NO_ROLE = None
ROLES = (NO_ROLE, "query", "document")
TEXTS = [
    "A Cat sits on the mat, and looks.",
    "  naïve Café STRASSE  ",
    "",
    "the small window of a table " * 40,
    "dog",
]
PROMPTS = {"query": "Search for: ", "document": "the ", "STS": "a cat "}
TOLERANCE = 2e-5
# what transformers says of a text without any token, by architecture
NO_TOKEN = ("out of bounds for dimension 1 with size 0", "cannot reshape tensor of 0 elements")
ALLOWED = ("equal", "handed over", "refused")
MANY = 2000

Vectors = np.ndarray[Any, Any]


def _save(folder: Path, pooling: str, dense: bool = False, **config: Any) -> None:
    """Make a sentence-transformers folder of one of transformers, by that library's own hand."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import (
        Dense,
        Normalize,
        Pooling,
        Transformer,
    )

    torch.manual_seed(2)
    parts: list[Any] = [Transformer(str(folder)), Pooling(32, pooling)]
    if dense:
        parts += [Dense(32, 16), Normalize()]
    SentenceTransformer(modules=parts, device="cpu", **config).save_pretrained(str(folder))


def _bert(folder: Path) -> None:
    zoo.transformer("bert", folder)
    _save(folder, "mean", dense=True, prompts=PROMPTS, default_prompt_name="STS")


def _old(folder: Path) -> None:
    """As sentence-transformers 2 and transformers 4 left it."""
    build_tiny_bert(folder)
    make_old(folder, pooling_mode_cls_token=True)
    write = lambda name, content: apply(Change(name, (), content), folder)  # noqa: E731
    write("sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})
    tokens = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    write("special_tokens_map.json", {**tokens, "sep_token": "[SEP]", "mask_token": "[MASK]"})
    write("config_sentence_transformers.json", {"__version__": {"sentence_transformers": "2.2.2"}})
    write("added_tokens.json", {})


def _roberta(folder: Path) -> None:
    zoo.transformer("roberta", folder)
    _save(folder, "max", truncate_dim=24)
    apply(Change("sentence_bert_config.json", ("max_seq_length",), 60), folder)
    apply(Change("sentence_bert_config.json", ("do_lower_case",), True), folder)


def _qwen3(folder: Path) -> None:
    zoo.transformer("qwen3", folder, padding_side="left")
    _save(folder, "lasttoken", prompts={"query": "Instruct: find\nQuery: "})


def _static(folder: Path) -> None:
    """Handed over as it is."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = {word: at for at, word in enumerate(["[UNK]", "the", "cat", "a", "dog", "window"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.random.default_rng(0).normal(size=(len(words), 16)).astype("float32")
    parts = [StaticEmbedding(tokenizer, embedding_weights=weights), Normalize()]
    SentenceTransformer(modules=parts, device="cpu", prompts=PROMPTS).save_pretrained(str(folder))


BASES: dict[str, Callable[[Path], None]] = {
    "bert": _bert,
    "old": _old,
    "roberta": _roberta,
    "qwen3": _qwen3,
    "static": _static,
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for name, build in BASES.items():
        made[name] = tmp_path_factory.mktemp("bases") / name
        build(made[name])
    return made


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """The libraries warn of most changes, which is not what is looked at."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


class InThisProcess(IdleWorkers):
    """Workers without a process of their own: the same code, a second earlier."""

    def start(self, checkpoint: Any, computing: Computing) -> Workers:
        return InlineWorker(load_forward(**checkpoint.order("cpu", 0)))


def load_ours(folder: Path) -> SentenceEncoder:
    """As `angle_bench.load`."""
    spec = resolve(str(folder))
    if spec.loader == "sentence-transformers":
        return load_handed_over(spec, Computing("cpu"))
    return load_variants([spec], Computing("cpu", 2048), None, InThisProcess())[0]


def load_theirs(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    options: dict[str, Any] = {"model_kwargs": {"dtype": "float32"}, "local_files_only": True}
    return SentenceTransformer(str(folder), device="cpu", **options)


def theirs(model: Any, role: str | None) -> Vectors:
    """Each text alone, so that no pad takes part."""
    encode = model.encode if role is None else getattr(model, f"encode_{role}")
    return np.array([encode(text, show_progress_bar=False) for text in TEXTS], np.float32)


def ours(model: SentenceEncoder, role: str | None, batched: bool) -> Vectors:
    """All texts at once where they are computed here; a text alone where the library does it."""
    found: Vectors = (
        np.array(model.encode(TEXTS, role=role))
        if batched
        else np.array([model.encode([text], role=role)[0] for text in TEXTS])
    )
    return found


def outcome(folder: Path) -> tuple[str, Any]:
    """What comes of a folder here beside sentence-transformers; what differs, if anything."""
    expected: dict[str | None, Any] = {}
    try:
        with panics_caught():
            model = load_theirs(folder)
    except Exception as error:
        expected = dict.fromkeys(ROLES, error)
    else:
        for role in ROLES:
            try:
                with panics_caught():
                    expected[role] = theirs(model, role)
            except Exception as error:
                expected[role] = error
    try:
        mine = load_ours(folder)
    except AngleBenchError:
        return "refused", expected
    handed_over = mine.spec.loader == "sentence-transformers"
    verdicts = {_verdict(mine, role, expected[role], handed_over) for role in ROLES}
    found = "handed over" if handed_over else "equal"
    return next((one for one in verdicts if one not in (found, "refused")), None) or (
        "refused" if verdicts == {"refused"} else found
    ), expected


def _verdict(mine: SentenceEncoder, role: str | None, expected: Any, handed_over: bool) -> str:
    try:
        got = ours(mine, role, not handed_over)
    except AngleBenchError:
        return "refused"
    if any(said in str(expected) for said in NO_TOKEN if isinstance(expected, Exception)):
        # a text without any token is one pad token here (encoding/tokenise.py); there it fails
        return "handed over" if handed_over else "equal"
    if isinstance(expected, Exception):
        return f"vectors for {role}, where theirs fails: {expected!r:.200}"
    if got.shape != expected.shape:
        return f"shape {got.shape} for {role}, not {expected.shape}"
    scale = max(1.0, float(np.abs(expected).max()))
    difference = float(np.abs(got - expected).max()) / scale
    if not difference <= TOLERANCE:
        return f"different for {role}: {difference:.2g}"
    return "handed over" if handed_over else "equal"


def changes(bases: dict[str, Path], count: int, seed: int) -> list[tuple[str, Change]]:
    """Changes of all keys of all folders in random order, again and again."""
    draw = random.Random(seed)
    every = [(name, *at) for name, folder in bases.items() for at in places(folder)]
    chosen: list[tuple[str, Change]] = []
    while len(chosen) < count:
        draw.shuffle(every)
        chosen += [(name, drawn(bases[name], file, keys, draw)) for name, file, keys in every]
    return chosen[:count]


def compared(bases: dict[str, Path], count: int, seed: int, room: Path) -> Counter[str]:
    """The outcomes of so many changes, each of them allowed."""
    hashes = {name: content_hash(folder) for name, folder in bases.items()}
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    for number, (name, change) in enumerate(changes(bases, count, seed)):
        folder = room / str(number)
        shutil.copytree(bases[name], folder)
        apply(change, folder)
        if changes_vectors(change.file) and content_hash(folder) == hashes[name]:
            faults.append(f"{name}: {change}: the same content")
        try:
            found, _ = outcome(folder)
        except Exception as error:
            found = f"{error!r:.300}"
        outcomes[found if found in ALLOWED else "fault"] += 1
        if found not in ALLOWED:
            faults.append(f"{name}: {change}: {found}")
        shutil.rmtree(folder)
    assert not faults, "\n".join(faults)
    return outcomes


@pytest.mark.parametrize(
    ("base", "key", "value", "found"),
    [
        ("roberta", "is_causal", True, "handed over"),  # causal but for batches with pads
        ("roberta", "model_type", [], "refused"),
        ("qwen3", "model_type", {}, "refused"),
    ],
)
def test_what_a_fuzz_found(
    bases: dict[str, Path], tmp_path: Path, base: str, key: str, value: Any, found: str
) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(bases[base], folder)
    apply(Change("config.json", (key,), value), folder)
    assert outcome(folder)[0] == found


def test_the_folders_themselves(bases: dict[str, Path]) -> None:
    found = {name: outcome(folder)[0] for name, folder in bases.items()}
    assert found == {**dict.fromkeys(BASES, "equal"), "static": "handed over"}


def test_some_changes(bases: dict[str, Path], tmp_path: Path) -> None:
    outcomes = compared(bases, 80, 0, tmp_path)
    assert min(outcomes[one] for one in ALLOWED) > 3


@pytest.mark.long
def test_every_key(bases: dict[str, Path], tmp_path: Path) -> None:
    assert sum(len(places(folder)) for folder in bases.values()) < MANY
    outcomes = compared(bases, MANY, 1, tmp_path)
    assert min(outcomes[one] for one in ALLOWED) > 100
