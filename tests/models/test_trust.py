"""Code and pickles that come with a checkpoint, tokenizers without a fast form, quantisation."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import RobertaConfig, RobertaModel

import angle_bench
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.folder.read_folder import read_folder
from angle_bench.errors import ModelError
from tests.checkpoints import build_tiny_bert
from tests.conftest import Cli

pytestmark = pytest.mark.process

MODULE = """from transformers import BertConfig, BertModel

open({mark!r}, "w").close()


class OwnConfig(BertConfig):
    model_type = "own-{number}"


class OwnModel(BertModel):
    config_class = OwnConfig
"""


def with_own_code(folder: Path, mark: Path) -> None:
    """Turn a BERT folder into one that needs Python of its own; running it leaves a mark."""
    number = abs(hash(str(folder))) % 10**8
    (folder / "own.py").write_text(MODULE.format(mark=str(mark), number=number))
    place = folder / "config.json"
    config = json.loads(place.read_text())
    auto = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
    own = {"model_type": f"own-{number}", "auto_map": auto, "architectures": ["OwnModel"]}
    place.write_text(json.dumps({**config, **own}))


def test_no_code_runs_unless_it_is_trusted(tiny_bert: Path, tmp_path: Path, cli: Cli) -> None:
    plain = angle_bench.load(str(tiny_bert), device="cpu:1")
    expected = plain.encode(["a dog runs"])
    plain.close()
    mark = tmp_path / "it-ran"
    with_own_code(tiny_bert, mark)
    ended = cli("run", "-m", str(tiny_bert), "-t", "demo", "-d", "cpu:1", "--pooling", "cls")
    assert ended.code == 1
    assert not mark.exists()
    assert "comes with code of its makers" in ended.errors[0]
    assert "--trust-remote-code" in ended.errors[1]
    trusted = angle_bench.load(str(tiny_bert), device="cpu:1", trust_remote_code=True)
    found = trusted.encode(["a dog runs"])
    trusted.close()
    assert mark.exists()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_code_is_part_of_the_content(tiny_bert: Path, tmp_path: Path) -> None:
    with_own_code(tiny_bert, tmp_path / "mark")
    before = content_hash(tiny_bert)
    (tiny_bert / "own.py").write_text("raise SystemExit\n")
    assert content_hash(tiny_bert) != before


def test_a_pickle_is_read_when_it_is_allowed(tiny_bert: Path) -> None:
    from safetensors.torch import load_file

    plain = angle_bench.load(str(tiny_bert), device="cpu:1")
    expected = plain.encode(["a dog runs"])
    plain.close()
    torch.save(load_file(tiny_bert / "model.safetensors"), tiny_bert / "pytorch_model.bin")
    (tiny_bert / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="only a pickle"):
        angle_bench.load(str(tiny_bert))
    allowed = angle_bench.load(str(tiny_bert), device="cpu:1", allow_pickle=True)
    found = allowed.encode(["a dog runs"])
    allowed.close()
    assert np.array_equal(found, expected)


@pytest.mark.process
@pytest.mark.long
def test_phobert_has_a_slow_tokenizer_alone(tmp_path: Path) -> None:
    """Its files are vocab.txt and bpe.codes; a long text is cut before its prompt's tail."""
    from transformers import PhobertTokenizer

    folder = tmp_path / "phobert"
    folder.mkdir()
    letters = "abcdeghiklmnopqrstuvxy"
    pieces = [f"{letter}@@" for letter in letters] + list(letters)
    (tmp_path / "vocab.txt").write_text("".join(f"{piece} 1\n" for piece in pieces))
    (tmp_path / "bpe.codes").write_text("#version: 0.2\n")
    tokenizer = PhobertTokenizer(str(tmp_path / "vocab.txt"), str(tmp_path / "bpe.codes"))
    tokenizer.save_pretrained(folder)
    config = RobertaConfig(
        vocab_size=len(tokenizer) + 4,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=34,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    model = RobertaModel(config).eval()
    model.save_pretrained(folder)
    assert read_folder(folder).settings.max_length == 32
    encoder = angle_bench.load(str(folder), pooling="mean", max_length=32, device="cpu:1")
    assert not encoder.encoder.tokenizer.is_fast
    texts = ["ba na", "con cho", "x " * 100, ""]
    found = encoder.encode(texts)
    encoder.close()
    for text, vector in zip(texts[:3], found, strict=False):
        inputs = tokenizer(text, truncation=True, max_length=32, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
            ).last_hidden_state[0]
        np.testing.assert_allclose(vector, hidden.mean(dim=0).numpy(), atol=1e-5, rtol=0)
    prompted = angle_bench.load(
        str(folder), pooling="last", prompt="{text} ghi", max_length=16, device="cpu:1"
    )
    whole = prompted.encode(["x " * 100, "x"])
    prompted.close()
    assert np.isfinite(whole).all()


@pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed"
)
@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_quantisation_without_its_library_says_what_to_install(
    tiny_bert: Path, quantization: str
) -> None:
    encoder = angle_bench.load(str(tiny_bert), quantization=quantization, device="cpu:1")
    assert encoder.spec.settings_id is not None
    with pytest.raises(ModelError, match="needs bitsandbytes") as caught:
        encoder.encode(["a dog"])
    assert "angle-bench[kbit]" in caught.value.fix


@pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="the extra `kbit` is not installed"
)
@pytest.mark.parametrize(("quantization", "tolerance"), [("8bit", 0.2), ("4bit", 0.6)])
def test_quantised_vectors_are_near_the_whole_ones(
    tmp_path: Path, quantization: str, tolerance: float
) -> None:
    # 4 bit comes in blocks of 64, and where the processor has bfloat16 no width may be smaller
    build_tiny_bert(tmp_path / "bert", hidden_size=64, intermediate_size=128)
    plain = angle_bench.load(str(tmp_path / "bert"), device="cpu:1")
    rough = angle_bench.load(str(tmp_path / "bert"), quantization=quantization, device="cpu:1")
    texts = ["a dog runs", "two cats eat fish"]
    difference = np.abs(plain.encode(texts) - rough.encode(texts))
    plain.close()
    rough.close()
    assert 0 < difference.max() < tolerance
