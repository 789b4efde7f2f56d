"""Checkpoints of the hub without a network: what is cached is found, what is not is named."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.resolve import resolve
from angle_bench.errors import ModelError
from angle_bench.training.checkpoint.candidate import change_json
from tests.adapters import build_switched
from tests.checkpoints import build_tiny

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cached(tiny_bert: Path) -> Iterator[Path]:
    """A snapshot of tiny-org/tiny in the hub cache, as a download of `main` leaves it."""
    repository = Path(os.environ["HF_HOME"]) / "hub" / "models--tiny-org--tiny"
    shutil.copytree(tiny_bert, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    yield repository / "snapshots" / COMMIT
    shutil.rmtree(repository)


@pytest.mark.parametrize(
    ("revision", "expected"),
    [(COMMIT, True), (COMMIT[:12], False), ("main", False), (COMMIT.upper(), False), (None, False)],
)
def test_only_a_full_hash_is_a_commit(revision: str | None, expected: bool) -> None:
    assert hub.is_commit(revision) is expected


def test_a_commit_is_never_asked_for() -> None:
    assert hub.commit_of("no-such-org/no-such-model", COMMIT) == COMMIT


@pytest.mark.parametrize("revision", ["", "@main", f"@{COMMIT}"])
def test_a_cached_checkpoint_needs_no_network(cached: Path, revision: str) -> None:
    spec = resolve(f"tiny-org/tiny{revision}")
    assert (spec.name, spec.label, spec.revision) == ("tiny-org/tiny", "tiny", COMMIT)
    assert spec.folder == cached
    assert spec.settings is not None


@pytest.mark.parametrize("name", ["zzzz/qqqq", "tiny-org/tiny@other-branch", f"zzzz/qqqq@{COMMIT}"])
def test_what_is_not_cached_is_named(cached: Path, name: str) -> None:
    with pytest.raises(ModelError, match="not in the local hub cache") as caught:
        resolve(name)
    assert name.partition("@")[0] in caught.value.what
    assert caught.value.fix


def test_an_adapter_gets_the_recorded_revision_of_its_base(cached: Path, tmp_path: Path) -> None:
    """Of a base with two commits: that of its config, in a mirror too, and with no other asked."""
    other = cached.parent / ("f" * 40)
    build_tiny(other, "bert", seed=9)
    (cached.parents[1] / "refs" / "old").write_text(other.name)
    adapter = build_switched(tmp_path / "a", other, "lora")
    typed = Overrides(pooling="mean")
    for revision, base in ((None, cached), (other.name, other), ("old", other)):
        change_json(
            adapter / "adapter_config.json",
            base_model_name_or_path="tiny-org/tiny",
            revision=revision,
        )
        spec = resolve(str(adapter), typed)
        assert spec.base == str(base)
        assert spec.revision == f"sha256-{content_hash(adapter, base)[:16]}"
    change_json(adapter / "adapter_config.json", revision=other.name)
    mirrored = tmp_path / "mirror/tiny-org/tiny"
    shutil.copytree(cached, mirrored)
    access = LoadOptions(mirror=tmp_path / "mirror")
    assert resolve(str(adapter), typed, access).base == str(other)  # nobody says which that is
    said = {"revision": other.name, "content": content_hash(mirrored)}
    (mirrored / ".angle-bench.json").write_text(json.dumps(said))
    assert resolve(str(adapter), typed, access).base == str(mirrored)
    change_json(adapter / "adapter_config.json", revision="a" * 40)
    with pytest.raises(ModelError, match="which is not here"):
        resolve(str(adapter), typed)
