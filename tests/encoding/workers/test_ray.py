"""Ray: what a cluster has room for, one that loses a node in mid-run, and the command line."""

import itertools
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from angle_bench.encoding.workers.contract import Batch, Vectors
from angle_bench.encoding.workers.ray.capacity import Room, room
from angle_bench.encoding.workers.ray.connection import check_address
from angle_bench.encoding.workers.ray.ray_workers import start_ray
from angle_bench.errors import ModelError, UsageError
from tests.checkpoints import sts_rows, write_rows
from tests.conftest import Command
from tests.encoding.workers import kinds
from tests.encoding.workers.kinds import answers, assert_gone, assert_same, batches

pytestmark = pytest.mark.process

GIB = 1 << 30
NEED = GIB + (700 << 20)  # of an actor with weights of a GiB


@pytest.mark.parametrize(
    ("nodes", "devices", "expected"),
    [
        ([{"CPU": 4, "GPU": 2}, {"CPU": 8, "GPU": 1}], "auto", ("cuda:0", 3)),
        ([{"CPU": 4, "GPU": 2}], "cuda", ("cuda:0", 2)),
        ([{"CPU": 4, "GPU": 2, "memory": 99 * GIB}], "cpu", ("cpu", 4)),
        ([{"CPU": 4, "memory": 99 * GIB}, {"CPU": 2, "memory": 99 * GIB}], "auto", ("cpu", 6)),
        ([{"CPU": 4, "memory": 2 * NEED}, {"CPU": 8, "memory": NEED}], "auto", ("cpu", 3)),
        ([{"CPU": 4, "memory": NEED // 2}], "auto", ("cpu", 1)),
        ([{"CPU": 4}], "cpu:3", ("cpu", 3)),
    ],
)
def test_room(nodes: list[dict[str, float]], devices: str, expected: tuple[str, int]) -> None:
    found = room(nodes, devices, GIB)
    assert (found.device, found.count) == expected


def test_more_actors_than_cores_share_them() -> None:
    assert room([{"CPU": 2}], "cpu:4", GIB) == Room("cpu", 4, {"num_cpus": 0.5}, 1)


@pytest.mark.parametrize(
    ("cpus", "count", "share"),
    [([8], 4, 1.0), ([2], 3, 0.6666), ([1, 1], 3, 0.5), ([1, 4], 7, 0.6666), ([3, 3], 7, 0.75)],
)
def test_actors_that_are_counted_all_fit_the_nodes(
    cpus: list[float], count: int, share: float
) -> None:
    found = room([{"CPU": each} for each in cpus], f"cpu:{count}", GIB)
    assert found == Room("cpu", count, {"num_cpus": share}, 1)
    assert sum(int(each / share) for each in cpus) >= count


@pytest.mark.parametrize("devices", ["cuda:0,cuda:1", "cuda:1", "mps"])
def test_devices_of_one_machine_mean_nothing_on_a_cluster(devices: str) -> None:
    with pytest.raises(UsageError, match="one machine"):
        room([{"CPU": 4, "GPU": 4}], devices, GIB)


@pytest.mark.parametrize(
    ("nodes", "devices", "said"),
    [([{"CPU": 4.0}], "cuda", "no GPU"), ([{"memory": 1.0}], "auto", "no CPU")],
)
def test_what_the_cluster_lacks_is_named(
    nodes: list[dict[str, float]], devices: str, said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        room(nodes, devices, GIB)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("auto", None),
        ("127.0.0.1:6379", ("127.0.0.1", 6379)),
        ("ray://head:10001", ("head", 10001)),
        ("[::1]:6379", ("::1", 6379)),
    ],
)
def test_addresses(address: str, place: tuple[str, int] | None) -> None:
    assert check_address(address) == place


@pytest.mark.parametrize("address", ["", "head", "http://head:1", "head:port", "a b:1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="no address of a ray cluster"):
        check_address(address)


def test_an_address_where_nothing_listens(tiny_bert: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelError, match="nothing listens") as caught:
        start_ray(f"127.0.0.1:{port}", kinds.checkpoint(tiny_bert), "auto")
    assert "ray status" in caught.value.fix


@pytest.fixture
def cluster(ray_folder: Path) -> Iterator[Any]:
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    from ray.cluster_utils import Cluster

    node = {
        "num_cpus": 1,
        "node_ip_address": "127.0.0.1",
        "object_store_memory": 100 << 20,
        "include_dashboard": False,
    }
    made = Cluster(initialize_head=True, head_node_args=node)
    made.second = made.add_node(**node)
    yield made
    assert not ray.is_initialized()  # whoever connected has disconnected
    made.shutdown()


def test_a_node_that_leaves_in_mid_run_costs_a_warning(cluster: Any, tiny_bert_once: Path) -> None:
    asked: list[Batch] = batches(20)
    right: dict[int, Vectors] = answers(kinds.inline(tiny_bert_once), asked)
    workers = start_ray(cluster.address, kinds.checkpoint(tiny_bert_once), "cpu:2")
    taken: list[int] = []

    def until_one_is_lost() -> Iterator[Batch]:
        # an actor outlives its node for a moment, and would answer any fixed number of batches
        end = time.monotonic() + kinds.GUARD_SECONDS
        for number in itertools.count():
            if workers.warnings or time.monotonic() > end:
                return
            taken.append(number)
            yield replace(asked[number % len(asked)], number=number)

    try:
        assert workers.loaded.dimension == 32
        pids = list(workers.pids)
        assert len(pids) == 2
        run = workers.run(until_one_is_lost())
        found = dict([next(run)])
        cluster.remove_node(cluster.second, allow_graceful=False)
        # ray restarts its actor, which waits for a node that never comes; nobody waits for it
        for number, vectors in run:
            assert number not in found
            found[number] = vectors
        assert_same(found, {number: right[number % len(asked)] for number in taken})
        (warning,) = workers.warnings
        assert "is lost" in warning
        assert "goes to the others" in warning
        assert workers.count == 2
        assert_same(answers(workers, asked), right)
    finally:
        workers.close()
    assert_gone(pids)


def processes_of(folder: Path) -> list[int]:
    """The processes that were started with that folder in their words or their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            told = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
        except OSError:  # it has ended, or is another user's
            continue
        if str(folder).encode() in told:
            found.append(int(place.name))
    return found


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="it reads /proc")
def test_a_command_on_ray_scores_as_without_it_and_leaves_no_process(
    angle_bench: Command, tiny_bert: Path, ray_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    write_rows(tmp_path / "mirror/mteb/sts12-sts/test.parquet", sts_rows(30, seed=1))
    words = ("run", "-m", tiny_bert, "-t", "STS12", "--mirror", "mirror", "--no-cache", "--json")
    users = {name: value for name, value in os.environ.items() if "RAY_AUTH" not in name}
    scores = []
    for more in (("-r", "plain", "-d", "cpu:1"), ("-r", "ray", "-d", "cpu:2", "--ray", "auto")):
        ended = angle_bench(*words, *more, env=users)
        assert ended.returncode == 0, ended.stderr
        (model,) = json.loads(ended.stdout)["models"]
        scores.append(model["scores"])
    plain, on_ray = scores
    assert plain.keys() == {"STS12"}
    assert on_ray == plain
    assert list((ray_folder / "ray").glob("session_2*"))  # ray was there
    assert_gone(processes_of(ray_folder))
