"""What a run record says of a checkpoint's files."""

from pathlib import Path

from peft import LoraConfig

from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.evaluation.run.task_record import checkpoint_record
from tests.adapters import LINEAR, build_adapter


def test_of_a_whole_checkpoint(tiny_bert: Path) -> None:
    (tiny_bert / "README.md").write_text("---\nbase_model: org/base\n---\n# tiny\n")
    spec = resolve(str(tiny_bert), Overrides(pooling="mean"))
    size = (tiny_bert / "model.safetensors").stat().st_size
    assert checkpoint_record(spec) == {"weight_bytes": size, "made_from": "org/base"}


def test_of_an_adapter_with_its_base(tiny_bert: Path, tmp_path: Path) -> None:
    folder = build_adapter(tmp_path / "ad", tiny_bert, LoraConfig(target_modules=LINEAR))
    spec = resolve(str(folder), Overrides(pooling="mean"))
    files = (tiny_bert / "model.safetensors", folder / "adapter_model.safetensors")
    sizes = [file.stat().st_size for file in files]
    assert checkpoint_record(spec) == {"weight_bytes": sum(sizes), "made_from": str(tiny_bert)}


def test_of_what_mteb_loads_nothing() -> None:
    spec = ModelSpec(name="org/m", label="m", revision="r", loader="mteb")
    assert checkpoint_record(spec) == {}
