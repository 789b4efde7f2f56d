"""Ray: what a cluster has room for, and a cluster that loses a node in mid-run."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from angle_bench.encoding.workers.contract import Batch, Vectors
from angle_bench.encoding.workers.ray import Room, room, start_ray
from angle_bench.encoding.workers.ray_connection import check_address
from angle_bench.errors import ModelError, UsageError
from tests.encoding.workers import kinds
from tests.encoding.workers.kinds import answers, assert_same, batches

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


def test_a_node_that_leaves_in_mid_run_costs_a_warning(cluster: Any, _tiny_bert_once: Path) -> None:
    asked: list[Batch] = batches(60)
    right: dict[int, Vectors] = answers(kinds.inline(_tiny_bert_once), asked)
    workers = start_ray(cluster.address, kinds.checkpoint(_tiny_bert_once), "cpu:2")
    try:
        assert workers.loaded.dimension == 32
        assert len(workers.pids) == 2
        run = workers.run(asked)
        found = dict([next(run)])
        cluster.remove_node(cluster.second, allow_graceful=False)
        # ray restarts its actor, which waits for a node that never comes; nobody waits for it
        found |= dict(run)
        assert_same(found, right)
        assert any("is lost" in said for said in workers.warnings), workers.warnings
    finally:
        workers.close()
