"""Every kind of adapter beside peft, and after one another on one base."""

import json
import random
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from sentence_transformers import SentenceTransformer
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from angle_bench.checkpoints.checkpoint_paths import CheckpointPaths
from angle_bench.checkpoints.folder.adapter_config import KINDS
from angle_bench.checkpoints.loading.backbone import load_backbone
from angle_bench.checkpoints.loading.peft_adapter import attach, last_hidden_state
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import Settings
from angle_bench.errors import ModelError
from angle_bench.training.checkpoint.export import export
from tests.adapters import OF_KIND, SWITCHED, build_adapter, build_switched, peft_states
from tests.checkpoints import build_tiny

SETTINGS = Settings(pooling="mean", max_length=32)
CPU = torch.device("cpu")
# peft, of kinds, layers and settings that are odd on purpose
pytestmark = pytest.mark.filterwarnings(r"ignore:::peft\.")
TEXT = "the cat sits on a big mat . a dog sings"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny(tmp_path_factory.mktemp("kinds") / "base", "bert")


@pytest.fixture(scope="module")
def switched(base: Path) -> dict[str, Path]:
    return {name: build_switched(base.parent / name, base, name) for name in SWITCHED}


@pytest.fixture(scope="module")
def ids(base: Path) -> Tensor:
    found: Tensor = AutoTokenizer.from_pretrained(base)(TEXT, return_tensors="pt")["input_ids"]
    return found


def fresh(base: Path) -> Any:
    return AutoModel.from_pretrained(base, dtype=torch.float32).eval()


def states(folder: Path, base: Path, ids: Tensor) -> Tensor:
    model = fresh(base)
    attach(model, folder)
    return last_hidden_state(model, ids)[0]


def change(folder: Path, **values: object) -> None:
    place = folder / "adapter_config.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), **values}))


def test_all_kinds_that_are_honoured_are_compared() -> None:
    assert set(OF_KIND) == KINDS


@pytest.mark.process
@pytest.mark.parametrize("kind", OF_KIND)
def test_a_kind_gives_what_peft_gives(kind: str, base: Path, ids: Tensor, tmp_path: Path) -> None:
    folder = build_adapter(tmp_path / kind, base, OF_KIND[kind]())
    assert json.loads((folder / "adapter_config.json").read_text())["peft_type"] == kind
    got = states(folder, base, ids)
    assert torch.equal(got, peft_states(folder, base, ids))
    assert not torch.allclose(got, last_hidden_state(fresh(base), ids)[0], atol=1e-3)


@pytest.mark.parametrize("name", SWITCHED)
def test_what_an_adapter_may_change_is_what_peft_changes(
    name: str, switched: dict[str, Path], base: Path, ids: Tensor
) -> None:
    rows = 133 if name == "resized" else None
    want = peft_states(switched[name], base, ids, vocabulary=rows)
    assert torch.equal(states(switched[name], base, ids), want)


LATER = ("lora-embedding", "pissa", "replicated", "parameters", "layer-norm", "oft", "vera")
TEN = [name for name in SWITCHED if name not in LATER]


@pytest.mark.parametrize("names", [TEN, pytest.param(list(SWITCHED), marks=pytest.mark.long)])
def test_no_adapter_is_changed_by_the_one_before(
    names: list[str], switched: dict[str, Path], base: Path, ids: Tensor
) -> None:
    alone = {name: states(switched[name], base, ids) for name in names}
    untouched = fresh(base)
    kept = {}
    for first in names:
        for second in names:
            model = deepcopy(untouched)
            kept[first] = attach(model, switched[first]).detach()
            if not kept[first]:  # the base is read anew
                model = deepcopy(untouched)
            attach(model, switched[second])
            got = last_hidden_state(model, ids)[0]
            assert torch.equal(got, alone[second]), f"{second} after {first}"
    # sharing goes on where nothing of the base was touched, and nowhere else
    changing = {"saved-modules", "bias-all", "bias-lora", "saved-embedding", "resized"}
    assert {name for name, same in kept.items() if not same} == (
        changing | {"pissa", "replicated"}
    ).intersection(names)


def merged(folder: Path, base: Path, ids: Tensor) -> None:
    model = fresh(base)
    adapted = attach(model, folder)
    want = last_hidden_state(model, ids)
    adapted.merge()
    assert torch.allclose(last_hidden_state(model, ids), want, atol=2e-5)
    assert set(model.state_dict()) == set(fresh(base).state_dict())


@pytest.mark.parametrize("name", sorted(set(SWITCHED) - {"replicated"}))
def test_merged_it_gives_the_same(
    name: str, switched: dict[str, Path], base: Path, ids: Tensor
) -> None:
    merged(switched[name], base, ids)


@pytest.mark.long
@pytest.mark.parametrize("kind", OF_KIND)
@pytest.mark.process  # BOFT builds code of its own
def test_every_kind_is_merged_or_refused(
    kind: str, base: Path, ids: Tensor, tmp_path: Path
) -> None:
    folder = build_adapter(tmp_path / kind, base, OF_KIND[kind]())
    if kind not in UNMERGEABLE:
        merged(folder, base, ids)
        return
    with pytest.raises(ModelError, match=f"of the kind {kind} cannot be merged"):
        merged(folder, base, ids)


def test_copies_of_a_layer_are_not_merged(
    switched: dict[str, Path], base: Path, ids: Tensor
) -> None:
    with pytest.raises(ModelError, match="layer_replication cannot be merged"):
        merged(switched["replicated"], base, ids)


def test_the_embeddings_of_a_resized_vocabulary_are_its_own(
    switched: dict[str, Path], base: Path
) -> None:
    loaded = load_backbone(CheckpointPaths(switched["resized"], base), SETTINGS, CPU)
    assert loaded.warnings == []
    assert loaded.model.get_input_embeddings().num_embeddings == 133
    ids = loaded.tokenizer("the new34 cat new0", return_tensors="pt")["input_ids"]
    assert int(ids.max()) >= 128
    want = peft_states(switched["resized"], base, ids, vocabulary=133)
    assert torch.equal(last_hidden_state(loaded.model, ids)[0], want)


@pytest.mark.parametrize(
    ("config", "rows"), [("lora-embedding", "133 rows"), ("tokens", "131 rows")]
)
def test_both_sizes_are_named_where_the_rows_are_not_brought(
    config: str, rows: str, base: Path, tmp_path: Path
) -> None:
    made = SWITCHED[config][0]()
    if config == "tokens":
        made.trainable_token_indices = {"word_embeddings": [3, 130]}
    folder = build_adapter(tmp_path / "a", base, made, vocabulary=133, save_embedding=False)
    with pytest.raises(ModelError, match=f"{rows} .*its base has 128"):
        attach(fresh(base), folder)


def test_other_adapters_in_the_folder_are_left_alone(
    switched: dict[str, Path], base: Path, ids: Tensor, tmp_path: Path
) -> None:
    """peft saves named adapters in folders of their names, and loads the one outside."""
    folder = shutil.copytree(switched["lora"], tmp_path / "a")
    shutil.copytree(switched["dora"], folder / "other")
    assert torch.equal(states(folder, base, ids), peft_states(folder, base, ids))
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match="has no weights"):
        resolve(str(folder), Overrides(pooling="mean"))
    (folder / "adapter_config.json").unlink()
    with pytest.raises(ModelError, match="holds other") as caught:
        resolve(str(folder), Overrides(pooling="mean"))
    assert caught.value.fix == f"-m {folder / 'other'}"


@pytest.mark.process
@pytest.mark.parametrize("config", [
    {"layers_to_transform": [1], "layers_pattern": "layer"},
    {"rank_pattern": {"layer.0.attention.self.query": 2}, "alpha_pattern": {"value": 3}},
    {"target_modules": r".*layer\.[02]\.attention\.self\.(query|key)"},
    {"exclude_modules": ["layer.1.attention.self.query"]},
    {"modules_to_save": ["classifier"], "task_type": "FEATURE_EXTRACTION"},
    {"bias": "all", "use_dora": True, "use_rslora": True, "lora_bias": True},
    {"init_lora_weights": "olora"},
])  # fmt: skip
def test_what_a_config_asks_for(
    config: dict[str, Any], base: Path, ids: Tensor, tmp_path: Path
) -> None:
    config = {"r": 4, "lora_alpha": 8, "target_modules": ["query", "value"], **config}
    if config.get("lora_bias"):
        config = {**config, "bias": "none", "use_dora": False}
    folder = build_adapter(tmp_path / "a", base, LoraConfig(**config))
    assert torch.equal(states(folder, base, ids), peft_states(folder, base, ids))


@pytest.mark.parametrize("task", ["CAUSAL_LM", "SEQ_CLS"])
def test_one_that_was_trained_with_a_head(task: str, tmp_path: Path) -> None:
    """Its layers are named as in the whole model, and its patterns match these names."""
    from peft import PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    base = build_tiny(tmp_path / "base", "llama", head=True)
    kind = AutoModelForCausalLM if task == "CAUSAL_LM" else AutoModelForSequenceClassification
    config = LoraConfig(
        r=4, target_modules=["q_proj", "v_proj"], layers_to_transform=[0, 2], task_type=task
    )
    model = get_peft_model(kind.from_pretrained(base, dtype=torch.float32), config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn_like(weight) * 0.3)
    model.save_pretrained(tmp_path / "a")
    ids = torch.tensor([[5, 6, 7, 8, 20]])
    whole = PeftModel.from_pretrained(
        kind.from_pretrained(base, dtype=torch.float32), tmp_path / "a"
    ).eval()
    with torch.inference_mode():
        want = whole.base_model.model.model(input_ids=ids).last_hidden_state[0]
    assert torch.equal(states(tmp_path / "a", base, ids), want)


@pytest.mark.parametrize("name", ["resized", "saved-embedding", "dora", "vera"])
def test_exported_it_is_a_whole_model(
    name: str, switched: dict[str, Path], base: Path, tmp_path: Path
) -> None:
    spec = resolve(str(switched[name]), Overrides(pooling="mean"))
    made = export(spec, "sentence-transformers", tmp_path / "made")
    text = "the new34 cat" if name == "resized" else TEXT
    backbone = load_backbone(CheckpointPaths(switched[name], base), SETTINGS, CPU)
    ids = backbone.tokenizer(text, return_tensors="pt")["input_ids"]
    want = last_hidden_state(backbone.model, ids)[0].mean(0)
    got = SentenceTransformer(str(made), device="cpu").encode([text], convert_to_tensor=True)[0]
    assert torch.allclose(got, want, atol=2e-5)


def test_an_unknown_kind_is_refused(switched: dict[str, Path], base: Path, tmp_path: Path) -> None:
    folder = build_switched(tmp_path / "lora", base, "lora")
    for kind in ("PREFIX_TUNING", "XLORA", "ADAPTION_PROMPT", "NEWLORA", None, "lora"):
        change(folder, peft_type=kind)
        with pytest.raises(ModelError, match=f"the peft_type {kind}"):
            attach(fresh(base), folder)


def test_an_unknown_key_is_refused(base: Path, tmp_path: Path) -> None:
    folder = build_switched(tmp_path / "lora", base, "lora")
    change(folder, use_newlora=None)
    attach(fresh(base), folder)
    for value in (True, False, 0, "", [], {}):
        change(folder, use_newlora=value)
        with pytest.raises(ModelError, match="has use_newlora, which the peft"):
            attach(fresh(base), folder)


@pytest.mark.parametrize("key", ["alora_invocation_tokens", "arrow_config", "megatron_config"])
def test_what_peft_does_outside_of_layers_is_refused(key: str, base: Path, tmp_path: Path) -> None:
    folder = build_switched(tmp_path / "lora", base, "lora")
    change(folder, **{key: [5]})
    with pytest.raises(ModelError, match=f"has {key}, which is not honoured"):
        attach(fresh(base), folder)


UNMERGEABLE = {"LILY"}  # peft has no merging for it

VALUES: tuple[object, ...] = (
    None, True, False, 0, 1, 2, 4, 8, 0.5, "", "all", "none", "lora_only", "gaussian", "pissa",
    [], {}, ["query"], ["query", "value"], ["LayerNorm"], [0], [0, 2], [60, 61], [[0, 2], [1, 2]],
    {"query": 2}, {"layer.1.attention.self.query": 4}, {"word_embeddings": [5]}, "SEQ_CLS",
    "FEATURE_EXTRACTION", "CAUSAL_LM", "nothing", "layer", ".*query|.*value",
)  # fmt: skip


def fuzzed(base: Path, folder: Path, ids: Tensor, seed: int) -> tuple[str, str]:
    """Change a key of an adapter's config; what came of it with us, and with peft."""
    draw = random.Random(seed)
    build_switched(folder, base, draw.choice(["lora", "dora", "bias-all", "saved-modules"]))
    config = json.loads((folder / "adapter_config.json").read_text())
    key = draw.choice([*sorted(config), "unknown_key"])
    value = draw.choice(VALUES)
    change(folder, **{key: value})
    try:
        theirs = peft_states(folder, base, ids)
    except Exception:
        theirs = None
    try:
        ours = states(folder, base, ids)
    except ModelError:
        return f"{key} = {value!r}", "refused"
    if theirs is None:
        return f"{key} = {value!r}", "ours alone"
    same = ours.shape == theirs.shape and torch.equal(ours, theirs)
    return f"{key} = {value!r}", "as peft" if same else "other vectors"


@pytest.mark.process
@pytest.mark.parametrize("count", [25, pytest.param(500, marks=pytest.mark.long)])
def test_no_key_is_passed_over(count: int, base: Path, ids: Tensor, tmp_path: Path) -> None:
    found = [fuzzed(base, tmp_path / str(seed), ids, seed) for seed in range(count)]
    assert [one for one in found if one[1] not in ("as peft", "refused")] == []
    assert {one[1] for one in found} == {"as peft", "refused"}
