"""The forward pass of one engine on one core: `… engine_forward MODEL-FOLDER ENGINE`.

Every engine is given the same batches of tokens. A vector is the mean of its token vectors, of
length 1, as all-MiniLM-L6-v2 pools.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel

from benchmarks.serving import serve

Forward = Callable[[np.ndarray, np.ndarray], np.ndarray]
OPSET = 17


class Tokens(torch.nn.Module):
    """Token vectors alone, which exporters need."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.model = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> Any:
        """(rows, tokens) to (rows, tokens, dimension)."""
        return self.model(ids, attention_mask=mask).last_hidden_state


def _example() -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.arange(10, 26).reshape(2, 8)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    return ids, mask


def _torch(model: Tokens, *, compiled: bool) -> Forward:
    torch.set_num_threads(1)
    if compiled:
        model.model.compile(dynamic=True)

    @torch.inference_mode()
    def forward(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        found: np.ndarray = model(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
        return found

    return forward


def _onnx(model: Tokens, scratch: Path, *, int8: bool) -> Forward:
    import onnx  # type: ignore[import-not-found]
    import onnxruntime as ort  # type: ignore[import-not-found]
    from onnxruntime.transformers import optimizer  # type: ignore[import-not-found]

    plain, fused = scratch / "plain.onnx", scratch / "fused.onnx"
    torch.onnx.export(
        model,
        _example(),
        str(plain),
        input_names=["ids", "mask"],
        output_names=["tokens"],
        dynamic_axes={name: {0: "rows", 1: "tokens"} for name in ("ids", "mask", "tokens")},
        opset_version=OPSET,
        dynamo=False,
    )
    config = model.model.config
    optimizer.optimize_model(
        str(plain),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
    ).save_model_to_file(str(fused))
    place = fused
    if int8:
        from onnxruntime.quantization import (  # type: ignore[import-not-found]
            QuantType,
            quantize_dynamic,
        )

        place = scratch / "int8.onnx"
        quantize_dynamic(
            str(fused),
            str(place),
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},  # fused nodes say none
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(place), options, providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(None, {"ids": ids, "mask": mask})[0]


def _openvino(model: Tokens, *, precision: str, int8: bool) -> Forward:
    import openvino as ov  # type: ignore[import-not-found]

    converted = ov.convert_model(model, example_input=_example())
    if int8:
        import nncf  # type: ignore[import-not-found]

        converted = nncf.compress_weights(converted)
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": precision}
    compiled = ov.compile_model(converted, "CPU", settings)
    return lambda ids, mask: compiled([ids, mask])[0]


ENGINES: dict[str, Callable[[Tokens, Path], Forward]] = {
    "torch": lambda model, _: _torch(model, compiled=False),
    "torch compiled": lambda model, _: _torch(model, compiled=True),
    "onnxruntime": lambda model, scratch: _onnx(model, scratch, int8=False),
    "onnxruntime int8": lambda model, scratch: _onnx(model, scratch, int8=True),
    "openvino": lambda model, _: _openvino(model, precision="f32", int8=False),
    "openvino bf16": lambda model, _: _openvino(model, precision="bf16", int8=False),
    "openvino int8": lambda model, _: _openvino(model, precision="f32", int8=True),
}


def main() -> None:
    """Answer `load`, and `forward`: its seconds."""
    folder, name = sys.argv[1:]
    engines: list[Forward] = []

    def load() -> bool:
        with tempfile.TemporaryDirectory() as scratch:
            engines.append(ENGINES[name](Tokens(folder), Path(scratch)))
        return True

    def forward(batches: str, save: str = "") -> float:
        vectors = []
        start = time.perf_counter()
        with np.load(batches) as found:
            for ids in (found[each] for each in found.files):
                mask = (ids != 0).astype(np.int64)
                kept = engines[0](ids, mask) * mask[:, :, None]
                means = kept.sum(1) / mask.sum(1, keepdims=True)
                vectors.append(means / np.linalg.norm(means, axis=1, keepdims=True))
        seconds = time.perf_counter() - start
        if save:
            np.save(save, np.concatenate(vectors))
        return seconds

    serve({"load": load, "forward": forward})


if __name__ == "__main__":
    main()
