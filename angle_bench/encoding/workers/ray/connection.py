"""The connection to a Ray cluster: found, started or shared, and ended by whoever began it."""

import importlib
import os
import queue
import re
import secrets
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from angle_bench.encoding.machine import cores
from angle_bench.errors import ModelError, UsageError, first_line

CONNECT_SECONDS = 30.0
REACH_SECONDS = 5.0
STORE_BYTES = 256 << 20  # of a cluster that we start: what lies between workers and us is small

_ADDRESS = re.compile(r"(ray://)?([^\s/:]+|\[[0-9a-fA-F:]+\]):(\d{1,5})")
_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # ray reads it where it picks its own address

Made = TypeVar("Made")


class Connection:
    """This process's one connection to a cluster; several workers may share it.

    Attributes:
        ray: The library.
        head: Host and port of what answers for the cluster.
    """

    _users = 0  # of a connection that we opened
    _ours = False

    def __init__(self, ray: Any, head: tuple[str, int]) -> None:
        self.ray = ray
        self.head = head
        self._open = True
        Connection._users += 1

    def reachable(self) -> bool:
        """Whether the head of the cluster still listens."""
        return _listens(*self.head)

    def close(self) -> None:
        """End the connection, if it is ours and nobody else uses it."""
        if not self._open:
            return
        self._open = False
        Connection._users -= 1
        if Connection._ours and Connection._users == 0:
            Connection._ours = False
            self.ray.shutdown()


def check_address(address: str) -> tuple[str, int] | None:
    """Host and port of what `--ray` names; None for `auto`.

    Raises:
        UsageError: It is no address.
    """
    if address == "auto":
        return None
    if found := _ADDRESS.fullmatch(address):
        return found[2].strip("[]"), int(found[3])
    raise UsageError(
        f"{address or 'an empty string'} is no address of a ray cluster.",
        "--ray auto, --ray HOST:6379 or --ray ray://HOST:10001",
    )


def connect(address: str) -> Connection:
    """Connect this process to a cluster, or share the connection that it has.

    Args:
        address: `HOST:PORT`, `ray://HOST:PORT`, or `auto`: a cluster that runs on this machine,
            else one that is started for this process, on the loopback address.

    Raises:
        UsageError: It is no address, or ray is not installed.
        ModelError: The cluster does not answer.
    """
    place = check_address(address)
    running = _running() if place is None else None
    if place is None and running is None:
        _ask_for_a_token()
    ray = _library()
    if not ray.is_initialized():
        if running is not None:
            address, place = running, check_address(running)
        if place is None:
            _start_one(ray)
        else:
            _join(ray, address, place)
        Connection._ours, Connection._users = True, 0
    if place is None or not address.startswith("ray://"):
        place = check_address(ray.get_runtime_context().gcs_address)
    assert place is not None
    return Connection(ray, place)


def _library() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UsageError("ray is not installed.", "pip install 'angle-bench[ray]'") from error


def _running() -> str | None:
    """The cluster that was started on this machine last, if it is still there."""
    if address := os.environ.get("RAY_ADDRESS"):
        return address
    folder = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir())
    try:
        address = (folder / "ray" / "ray_current_cluster").read_text().strip()
    except OSError:
        return None
    found = _ADDRESS.fullmatch(address)
    return address if found and _listens(found[2].strip("[]"), int(found[3])) else None


def _ask_for_a_token() -> None:
    """Let a cluster of ours answer to this process and its children alone.

    Ray reads these when it is imported; where that has happened, they are the importer's to set.
    """
    if "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))


def _start_one(ray: Any) -> None:
    with _only_loopback():
        try:
            ray.init(
                address="local",
                num_cpus=cores(),
                object_store_memory=STORE_BYTES,
                include_dashboard=False,
                **_quiet(),
            )
        except Exception as error:  # its parts fail in ways of their own
            raise ModelError(
                f"a local ray cluster could not be started: {first_line(error)}",
                "the same command without --ray: worker processes do the same on one machine",
            ) from error


@contextmanager
def _only_loopback() -> Iterator[None]:
    """Let a cluster that is started inside listen on the loopback address alone."""
    constants: Any = importlib.import_module("ray._private.ray_constants")
    before, kept = getattr(constants, "ENABLE_RAY_CLUSTER", True), os.environ.get(_LOOPBACK)
    os.environ.setdefault(_LOOPBACK, "0")
    constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before
        if kept is None:
            del os.environ[_LOOPBACK]


def _join(ray: Any, address: str, place: tuple[str, int]) -> None:
    fix = "ray status on its head node, then --ray HOST:PORT as `ray start` printed it"
    if not _listens(*place):
        raise ModelError(f"nothing listens at {address}: no ray cluster there.", fix)
    try:
        within(CONNECT_SECONDS, lambda: ray.init(address=address, **_quiet()))
    except TimeoutError as error:
        raise ModelError(
            f"what listens at {address} gave no ray cluster's answer in {CONNECT_SECONDS:.0f} s.",
            fix,
        ) from error
    except ValueError as error:
        if "ray[client]" not in str(error):
            raise _unusable(address, error, fix) from error
        raise UsageError(
            f"{address} needs ray's client.", "pip install 'ray[client]', or --ray HOST:6379"
        ) from error
    except Exception as error:  # versions that differ, a token that is missing
        raise _unusable(address, error, fix) from error


def _unusable(address: str, error: Exception, fix: str) -> ModelError:
    reason = " ".join(str(error).split())[:300]
    return ModelError(f"the ray cluster at {address} cannot be used: {reason}", fix)


def _quiet() -> dict[str, Any]:
    verbose = bool(os.environ.get("ANGLE_BENCH_VERBOSE"))
    return {"log_to_driver": verbose, "logging_level": "info" if verbose else "error"}


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), REACH_SECONDS).close()
    except OSError:
        return False
    return True


def within(seconds: float, do: Callable[[], Made]) -> Made:
    """What a call gives; TimeoutError if it takes longer, and then it is left alone."""
    answers: queue.SimpleQueue[tuple[Made | None, BaseException | None]] = queue.SimpleQueue()

    def call() -> None:
        try:
            answers.put((do(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=call, daemon=True).start()
    try:
        made, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return made  # type: ignore[return-value]
