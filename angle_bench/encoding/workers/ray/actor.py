"""The actor that holds a model on a node of a Ray cluster."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.checkpoints import hub
from angle_bench.checkpoints.folder.adapter_config import recorded_revision
from angle_bench.checkpoints.folder.content import content_hash
from angle_bench.encoding.workers.checkpoint import Checkpoint
from angle_bench.encoding.workers.child import answer, failed, load_forward, switched
from angle_bench.encoding.workers.contract import Failed, Loaded, Switch
from angle_bench.errors import ModelError
from angle_bench.version import __version__

if TYPE_CHECKING:
    from angle_bench.encoding.workers.forward import Forward


def order_of(checkpoint: Checkpoint, device: str, threads: int) -> dict[str, Any]:
    """What an actor is told, as plain values; its node may lack the folder."""
    return {
        "version": __version__,
        "name": checkpoint.name,
        "revision": checkpoint.revision,
        "content": checkpoint.content,
        "base_name": checkpoint.base_name,
        **checkpoint.order(device, threads),
    }


@dataclass(frozen=True)
class ActorPlace:
    """Where an actor runs."""

    host: str
    pid: int


class ModelActor:
    """Answers questions. It is made without a model, so that this cannot fail."""

    def __init__(self) -> None:
        self._order: dict[str, Any] | None = None
        self._forward: Forward | None = None

    def place(self) -> ActorPlace:
        """Where this is; the answer says that the actor has found room."""
        return ActorPlace(socket.gethostname(), os.getpid())

    def load(self, order: dict[str, Any]) -> Loaded | Failed:
        """Load the model that is ordered, unless it is loaded; an exception as text."""
        try:
            if self._forward is None or self._order != order:
                former, self._forward = self._forward, None  # without its adapter from here on
                self._forward = load_checkpoint(former, **order)
                self._order = order
        except Exception as error:
            return failed(error)
        return self._forward.loaded

    def answer(self, question: Any) -> Any:
        """Vectors for a batch, rates for a probe, the tokenizer; an exception as text."""
        assert self._forward is not None
        return answer(self._forward, question)


def load_checkpoint(
    former: "Forward | None",
    version: str,
    folder: str,
    name: str,
    revision: str,
    content: str,
    base: str | None,
    base_name: str | None,
    **order: Any,
) -> "Forward":
    """Load a checkpoint from its folder, or from the hub where this node lacks the folder.

    Raises:
        ModelError: The checkpoint is missing, differs, or cannot be loaded.
    """
    host = socket.gethostname()
    if version != __version__:
        raise ModelError(
            f"{host} has angle-bench {__version__}, not {version}.",
            f"pip install 'angle-bench[ray]=={version}' on every node",
        )
    here = Path(folder)
    if not here.is_dir():
        if not hub.is_commit(revision):
            raise ModelError(
                f"the folder {folder} is not on {host}, and {name} is no checkpoint of the hub.",
                "-m FOLDER that every node sees, or -m ORG/NAME of the hub",
            )
        here = hub.fetch(name, revision)
    base_here = None if base is None else _base(base, base_name, here, host)
    if (found := content_hash(here, base_here)) != content:
        raise ModelError(
            f"{here} on {host} holds another checkpoint: content {found[:16]}, not {content[:16]}.",
            f"the folder {here} copied to {host} again, or removed there",
        )
    whole = {"folder": str(here), "base": base_here and str(base_here), **order}
    if former is not None:  # only an adapter on the same base is ordered after another model
        return switched(former, Switch(whole))
    return load_forward(**whole)


def _base(folder: str, name: str | None, adapter: Path, host: str) -> Path:
    if Path(folder).is_dir():
        return Path(folder)
    if name is None:
        raise ModelError(
            f"the base {folder} is not on {host}, and it is no checkpoint of the hub.",
            "--base FOLDER that every node sees, or --base ORG/NAME of the hub",
        )
    return hub.fetch(name, hub.commit_of(name, recorded_revision(adapter, name)))
