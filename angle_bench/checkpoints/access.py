"""Where checkpoints are looked for, and what of them may run code."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.folder.adapter_config import (
    is_adapter,
    recorded_base,
    recorded_revision,
)
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.checkpoints.folder.read_folder import looks_like_checkpoint
from angle_bench.checkpoints.reference import expand
from angle_bench.checkpoints.spec import NO_TRUST, Trust
from angle_bench.errors import ModelError, UsageError, shell_word

BUNDLE_FILE = ".angle-bench.json"  # which commit of the hub a folder of a mirror is


@dataclass(frozen=True)
class LoadOptions:
    """Where checkpoints are looked for, and what of them may run code.

    Attributes:
        base: The base of adapters, where the recorded one is elsewhere: a folder or a hub id.
        mirror: A folder with checkpoints under their hub ids.
        trust: What may run code.
        files_only: Whether only the files are wanted, so that pooling and prompt may be unknown.
    """

    base: str | None = None
    mirror: Path | None = None
    trust: Trust = NO_TRUST
    files_only: bool = False

    @classmethod
    def of(
        cls,
        base: str | Path | None,
        mirror: str | Path | None,
        trust_remote_code: bool,
        allow_pickle: bool,
    ) -> "LoadOptions":
        """What was asked for, by the names that the command line and Python know."""
        return cls(
            base=None if base is None else str(base),
            mirror=None if mirror is None else Path(mirror),
            trust=Trust(remote_code=trust_remote_code, pickle=allow_pickle),
        )

    def in_mirror(self, name: str) -> Path | None:
        """The folder of a hub id in the mirror, if it has one."""
        if self.mirror is None:
            return None
        folder = expand(str(self.mirror)) / name
        return folder.resolve() if looks_like_checkpoint(folder) else None

    def base_of(self, adapter: Path, named: str | None) -> Path:
        """The folder of an adapter's base, downloaded if need be.

        Args:
            adapter: The folder of the adapter.
            named: What its row of the registry says; its own config is asked otherwise.

        Raises:
            UsageError: `--base` names no folder.
            ModelError: The base is not here and cannot be fetched.
        """
        wanted = self.base or named or recorded_base(adapter)
        if self.base is None and named is None and _holds_whole_model(adapter):
            raise ModelError(
                f"{adapter} holds an adapter and a whole model: libraries differ in which base "
                "the adapter is put on.",
                f"a folder for each; or --base {shell_word(wanted or 'PATH')} for the adapter "
                "on that base",
            )
        if wanted is None:
            raise ModelError(
                f"{adapter} is an adapter that does not say what it was trained on.",
                "--base PATH of the model that it was trained on",
            )
        return self.base_folder(wanted, str(adapter), adapter)

    def base_folder(self, wanted: str, adapter: str, files: Path | None = None) -> Path:
        """The folder of a base by its path or hub id.

        Args:
            wanted: The path or hub id.
            adapter: What needs it, as it is shown.
            files: The folder of the adapter, which may record a revision of this base, and
                beside which a base that was moved with it is found.

        Raises:
            UsageError: `--base` names no folder.
            ModelError: The checkpoint is not here and cannot be fetched.
        """
        folder = self._find_base(wanted, adapter, files)
        if is_adapter(folder):
            raise ModelError(
                f"{wanted}, the base of {adapter}, is an adapter itself.",
                "--base PATH of a whole model; merge the first adapter into its base",
            )
        return folder

    def _find_base(self, wanted: str, adapter: str, files: Path | None) -> Path:
        if expand(wanted).is_dir():
            return expand(wanted).resolve()
        revision = None if files is None else recorded_revision(files, wanted)
        if (folder := self.in_mirror(wanted)) is not None and _is_of(folder, revision):
            return folder
        if os.sep in wanted and wanted.startswith((".", "/", "~")):
            if (moved := _beside(files, wanted)) is not None and wanted != self.base:
                return moved
            if wanted == self.base:
                raise UsageError(f"there is no folder {wanted}.", "--base PATH of a model folder")
            raise ModelError(
                f"{adapter} is an adapter of {wanted}, and there is no such folder.",
                "--base PATH of that model",
            )
        try:
            return hub.fetch(wanted, hub.commit_of(wanted, revision))
        except ModelError as error:
            raise ModelError(
                f"{adapter} is an adapter of {wanted}, which is not here: {error.what}",
                "--base PATH of that model, or the same command with a network",
            ) from error


def _holds_whole_model(folder: Path) -> bool:
    weights = (*folder.glob("model*.safetensors"), *folder.glob("pytorch_model*.bin"))
    return bool(weights) and (folder / "config.json").is_file()


def _is_of(mirrored: Path, revision: str | None) -> bool:
    """Whether a folder of a mirror may be a recorded revision: a branch may, a commit must be."""
    return not hub.is_commit(revision) or revision == _said_commit(mirrored)


def _said_commit(mirrored: Path) -> str | None:
    if not (mirrored / BUNDLE_FILE).is_file():
        return None
    return bundled_commit(mirrored, content_hash(mirrored))


def _beside(files: Path | None, wanted: str) -> Path | None:
    """A base whose recorded path is gone, under its name beside its adapter."""
    if files is None:
        return None
    folder = files.resolve().parent / Path(wanted).name
    return folder if looks_like_checkpoint(folder) else None


def bundled_commit(folder: Path, content: str) -> str | None:
    """The hub commit that a folder of a mirror is, as long as its files are still those."""
    try:
        said = json.loads((folder / BUNDLE_FILE).read_text(encoding="utf-8"))
        return str(said["revision"]) if said["content"] == content else None
    except (OSError, ValueError, KeyError, TypeError):  # nobody says: its content is its name
        return None


def bundle_mark(folder: Path, revision: str) -> dict[str, str]:
    """What a folder's `BUNDLE_FILE` has to say: which hub commit its files are."""
    return {"revision": revision, "content": content_hash(folder)}
