"""Adapters of many kinds on one tiny base, saved by peft's own hand."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

LINEAR = ["query", "value"]  # of a tiny BERT


def build_adapter(
    folder: Path,
    base: Path,
    config: Any,
    *,
    seed: int = 1,
    vocabulary: int | None = None,
    save_embedding: bool | str = "auto",
    change_embedding: bool = False,
) -> Path:
    """Save an adapter whose every trained weight is random.

    Args:
        folder: Where.
        base: The folder of its base.
        config: peft's config of it.
        seed: Of the weights.
        vocabulary: Resize the base's word embeddings to so many rows, and give the tokenizer so
            many tokens.
        save_embedding: As peft's `save_embedding_layers`.
        change_embedding: Whether training changed the word embeddings as well.
    """
    import torch
    from peft import get_peft_model
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(base, dtype=torch.float32)
    torch.manual_seed(seed)
    if vocabulary is not None:
        tokenizer = AutoTokenizer.from_pretrained(base)
        tokenizer.add_tokens([f"new{number}" for number in range(vocabulary - len(tokenizer))])
        tokenizer.save_pretrained(folder)
        model.resize_token_embeddings(vocabulary)
    config.base_model_name_or_path = str(base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = get_peft_model(model, config)
        with torch.no_grad():
            for weight in adapted.parameters():
                if weight.requires_grad:
                    weight.add_(torch.randn_like(weight) * 0.3)
            if change_embedding:
                embedding = model.get_input_embeddings().weight
                embedding.add_(torch.randn_like(embedding) * 0.3)
        adapted.save_pretrained(folder, save_embedding_layers=save_embedding)
    return folder


def _lora(**more: Any) -> Any:
    from peft import LoraConfig

    return LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": LINEAR, **more})


def _of(name: str, **values: Any) -> Callable[[], Any]:
    """A config by the name of peft's class, which is imported when it is asked for."""

    def made() -> Any:
        import peft

        return getattr(peft, f"{name}Config")(**{"target_modules": LINEAR, **values})

    return made


# what may be left in a base after an adapter: one of each way in which peft changes a model
SWITCHED: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "lora": (_lora, {}),
    "rslora": (lambda: _lora(use_rslora=True), {}),
    "dora": (lambda: _lora(use_dora=True), {}),
    "saved-modules": (lambda: _lora(modules_to_save=["attention.output.dense"]), {}),
    "bias-all": (lambda: _lora(bias="all"), {}),
    "bias-lora": (lambda: _lora(bias="lora_only"), {}),
    "saved-embedding": (_lora, {"save_embedding": True, "change_embedding": True}),
    "resized": (_lora, {"vocabulary": 133}),
    "lora-embedding": (lambda: _lora(target_modules=[*LINEAR, "word_embeddings"]), {}),
    "tokens": (lambda: _lora(trainable_token_indices={"word_embeddings": [60, 61, 62]}), {}),
    "pissa": (lambda: _lora(init_lora_weights="pissa"), {}),
    "replicated": (lambda: _lora(layer_replication=[(0, 2), (1, 2)]), {}),
    "parameters": (lambda: _lora(target_parameters=["intermediate.dense.weight"]), {}),
    "ia3": (_of("IA3", feedforward_modules=[]), {}),
    "layer-norm": (_of("LNTuning", target_modules=["LayerNorm"]), {}),
    "oft": (_of("OFT", oft_block_size=8), {}),
    "vera": (_of("Vera"), {}),
}


def build_switched(folder: Path, base: Path, name: str) -> Path:
    """Save one of `SWITCHED`."""
    config, more = SWITCHED[name]
    return build_adapter(folder, base, config(), seed=sorted(SWITCHED).index(name), **more)


# every kind that is honoured, by its name in adapter_config.json
OF_KIND: dict[str, Callable[[], Any]] = {
    "LORA": _lora,
    "ADALORA": _of("AdaLora", total_step=10),
    "ADAMSS": _of("Adamss"),
    "BEFT": _of("Beft"),
    "BOFT": _of("BOFT"),
    "C3A": _of("C3A", block_size=8),
    "DEFT": _of("Deft"),
    "DELORA": _of("Delora"),
    "FOURIERFT": _of("FourierFT", n_frequency=20),
    "FROD": _of("Frod"),
    "GLORA": _of("Glora"),
    "GRALORA": _of("Gralora"),
    "HIRA": _of("Hira"),
    "HRA": _of("HRA"),
    "IA3": _of("IA3", feedforward_modules=[]),
    "LILY": _of("Lily"),
    "LN_TUNING": _of("LNTuning", target_modules=["LayerNorm"]),
    "LOHA": _of("LoHa"),
    "LOKR": _of("LoKr"),
    "MISS": _of("Miss", r=8),
    "OFT": _of("OFT", oft_block_size=8),
    "OSF": _of("OSF"),
    "PEANUT": _of("Peanut"),
    "PSOFT": _of("Psoft"),
    "PVERA": _of("Pvera"),
    "RANDLORA": _of("RandLora"),
    "ROAD": _of("Road", group_size=8),
    "SHIRA": _of("Shira", r=4),
    "SUPERTUNING": _of("Supertuning"),
    "TINYLORA": _of("TinyLora"),
    "TRAINABLE_TOKENS": _of("TrainableTokens", token_indices=[60, 61], target_modules=None),
    "UNILORA": _of("UniLora"),
    "VBLORA": _of("VBLoRA", vector_length=8, num_vectors=16),
    "VERA": _of("Vera"),
    "WAVEFT": _of("WaveFT", n_frequency=20),
}


def peft_states(folder: Path, base: Path, ids: Any, *, vocabulary: int | None = None) -> Any:
    """Token vectors of a text as peft gives them, (tokens, width)."""
    import torch
    from peft import PeftModel
    from transformers import AutoModel

    model = AutoModel.from_pretrained(base, dtype=torch.float32)
    if vocabulary is not None:
        model.resize_token_embeddings(vocabulary)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        return PeftModel.from_pretrained(model, folder).eval()(input_ids=ids).last_hidden_state[0]


def build_st_adapter(folder: Path, base: Path, config: Any, *, seed: int = 1, **more: Any) -> Path:
    """Save an adapter as sentence-transformers does: `add_adapter`, then `save_pretrained`.

    Args:
        folder: Where.
        base: A folder that sentence-transformers loads.
        config: peft's config of it.
        seed: Of the weights.
        more: Of SentenceTransformer, such as `prompts`.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(base), device="cpu", **more)
    torch.manual_seed(seed)
    before = {name for name, _ in model.named_parameters()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.add_adapter(config)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.requires_grad and (name not in before or name.endswith("bias")):
                    weight.add_(torch.randn_like(weight) * 0.3)
        model.save_pretrained(str(folder))
    return folder
