"""Endpoints: what is asked, what is stored, what is refused; the server is a real one."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import angle_bench
from angle_bench.checkpoints.endpoint.api_client import Retries
from angle_bench.checkpoints.endpoint.probe import PROBES
from angle_bench.checkpoints.resolve import resolve
from angle_bench.encoding.store.memory import MemoryStore
from angle_bench.errors import ModelError, UsageError
from angle_bench.evaluation.encoders.endpoint_encoder import EndpointEncoder, load_endpoint
from angle_bench.evaluation.encoders.endpoint_requests import (
    MOST_TEXTS,
    estimated_tokens,
    request_batches,
)
from angle_bench.evaluation.run.run_options import Computing
from tests.embeddings_server import KEY, EmbeddingsServer, by_hash, serving

TEXTS = [f"text number {number} {'word ' * (number % 7)}" for number in range(300)]
QUICK = Retries(tries=3, first=0.001, answer=5.0)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def server() -> Iterator[EmbeddingsServer]:
    with serving(EmbeddingsServer()) as started:
        yield started


def encoder_of(server: EmbeddingsServer, store: MemoryStore | None = None) -> EndpointEncoder:
    made = load_endpoint(resolve(server.name), Computing(), store)
    made.retries = QUICK
    server.asked.clear()
    return made


def test_vectors_come_back_in_the_order_of_the_texts(server: EmbeddingsServer) -> None:
    with angle_bench.load(server.name) as encoder:
        found = encoder.encode([*TEXTS, TEXTS[3]])
        assert encoder.encode(TEXTS[5]).shape == (16,)
    np.testing.assert_array_equal(found, by_hash([*TEXTS, TEXTS[3]]))
    assert len([text for text in server.texts if text == TEXTS[3]]) == 1  # each text once


@pytest.mark.parametrize("fault", ["reordered", "floats", "429 0", "503", "cut"])
def test_what_passes_or_is_allowed_changes_no_vector(server: EmbeddingsServer, fault: str) -> None:
    with encoder_of(server) as encoder:
        server.faults += [fault, fault]
        np.testing.assert_array_equal(encoder.encode(TEXTS[:5]), by_hash(TEXTS[:5]))
    assert not server.faults or fault in ("reordered", "floats")


WRONG = {
    "html": "answers a page of HTML, no JSON",
    "nan": "gives a vector that is not finite",
    "unlike": "gives vectors of unlike lengths",
    "narrow": "gives vectors of 15 dimensions, and gave some of 16",
    "few": "vectors for",
    "no index": "does not say which vector is of which text (index)",
    "mixed": "mixes up the vectors of a request",
    "redirect": "sends requests on to another host, http://127.0.0.2:9/v1",
    "500": "fails (500: fault",
    "cut": "cannot be reached (RemoteProtocolError",
    "429 3600": "to be tried again after 3600",
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_said_in_two_lines_and_nothing_of_it_is_stored(
    server: EmbeddingsServer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    store = MemoryStore(1 << 20)
    with encoder_of(server, store) as encoder:
        server.always = fault
        with pytest.raises(ModelError) as caught:
            encoder.encode(TEXTS[:100])
        lines = str(caught.value).splitlines()
        assert WRONG[fault] in lines[0]
        assert len(lines) == 2
        assert KEY not in str(caught.value)
        keys = encoder.identity.keys(TEXTS[:100])
        assert not store.get(encoder.identity, keys, 16)[0].any()


def test_vectors_of_before_a_failure_are_stored_and_not_asked_for_again(
    server: EmbeddingsServer,
) -> None:
    store = MemoryStore(1 << 20)
    with encoder_of(server, store) as encoder:
        server.faults += ["", "", "nan"]
        with pytest.raises(ModelError, match="not finite"):
            encoder.encode(TEXTS)
        here = store.get(encoder.identity, encoder.identity.keys(TEXTS), 16)[0]
        assert 2 * MOST_TEXTS <= here.sum() < len(TEXTS)
        server.asked.clear()
        np.testing.assert_array_equal(encoder.encode(TEXTS), by_hash(TEXTS))
        again = set(server.texts) - set(PROBES)
        assert again == {text for text, kept in zip(TEXTS, here, strict=True) if not kept}
        server.asked.clear()
        encoder.encode(TEXTS)
        assert not server.asked  # a second time is free


@pytest.mark.parametrize("most", [3, 40])
def test_a_server_that_takes_fewer_texts_is_asked_for_fewer(
    server: EmbeddingsServer, most: int
) -> None:
    with encoder_of(server) as encoder:
        server.most = most
        np.testing.assert_array_equal(encoder.encode(TEXTS), by_hash(TEXTS))
        server.asked.clear()
        encoder.encode([f"more {text}" for text in TEXTS[:120]])
    assert all(len(body["input"]) <= most for body in server.asked)


def test_a_text_that_is_refused_is_named(server: EmbeddingsServer) -> None:
    with encoder_of(server) as encoder:
        server.most = 0
        with pytest.raises(ModelError, match=r"refuses the text '(A man is playing|text number)"):
            encoder.encode(TEXTS[:3])


def test_a_server_without_base64_is_asked_for_numbers(server: EmbeddingsServer) -> None:
    server.knows_base64 = False
    with encoder_of(server) as encoder:
        np.testing.assert_array_equal(encoder.encode(TEXTS), by_hash(TEXTS))
    assert sum("encoding_format" in body for body in server.asked) < len(server.asked)


def test_an_answer_that_does_not_come_is_asked_for_again(server: EmbeddingsServer) -> None:
    with encoder_of(server) as encoder:
        encoder.retries = Retries(tries=2, first=0.001, answer=0.2)
        server.faults.append("slow 1")
        np.testing.assert_array_equal(encoder.encode(TEXTS[:2]), by_hash(TEXTS[:2]))
        server.always = "slow 1"
        with pytest.raises(ModelError, match="does not answer in time"):
            encoder.encode(TEXTS[2:4])


def test_waits_grow_and_the_server_may_say_how_long() -> None:
    retries = Retries(tries=4, first=1.0, longest=3.0, asked=10.0)
    waits = [retries.wait(tried) for tried in (1, 2, 3)]
    assert all(
        low <= wait <= high
        for wait, low, high in zip(waits, (0.5, 1, 1.5), (1, 2, 3), strict=True)
        if wait is not None
    )
    assert None not in waits
    assert retries.wait(4) is None
    assert retries.wait(1, "7") == 7
    assert retries.wait(1, "Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retries.wait(1, "11") is None  # longer than anybody waits
    assert retries.wait(1, "Fri, 31 Dec 9999 00:00:00 GMT") is None
    assert 0.5 <= (retries.wait(1, "soon") or 0) <= 1


def test_requests_hold_every_text_once_within_their_room() -> None:
    texts = [*TEXTS, "x" * 9000, "機械" * 700, ""]
    batches = request_batches(texts, 500)
    assert sorted(place for batch in batches for place in batch) == list(range(len(texts)))
    for batch in batches:
        assert len(batch) <= MOST_TEXTS
        assert len(batch) == 1 or sum(estimated_tokens(texts[at]) for at in batch) <= 500
    assert batches[0].tolist() == [300]  # the longest first
    assert estimated_tokens("機械") > estimated_tokens("xx")


def test_the_same_server_is_the_same_model_and_another_one_is_not(server: EmbeddingsServer) -> None:
    first = resolve(server.name)
    assert first.note is None
    assert resolve(server.name) == first

    def shaken(texts: list[str]) -> np.ndarray:
        return by_hash(texts) + np.float32(1e-3) * by_hash(texts, seed=5)

    server.embed = shaken  # another device: the last digits differ
    assert resolve(server.name).revision == first.revision
    server.embed = lambda texts: by_hash(texts, seed=1)
    second = resolve(server.name)
    assert second.revision != first.revision
    assert second.note is not None
    assert "answers otherwise than on" in second.note
    assert first.short_revision in second.note
    assert resolve(server.name).note is None  # said once
    server.embed = by_hash
    assert resolve(server.name).revision == first.revision  # known again


def test_what_a_server_reports_is_part_of_the_model(server: EmbeddingsServer) -> None:
    first = resolve(server.name)
    server.entry = {"owned_by": "tests", "object": "model", "max_model_len": 512}
    assert resolve(server.name).revision != first.revision
    server.entry = None  # no list: as some servers
    third = resolve(server.name)
    assert third.endpoint is not None
    assert third.endpoint.reported == ""


def test_without_what_was_kept_the_same_answers_have_the_same_name(
    server: EmbeddingsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = resolve(server.name)
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "another machine"))
    server.embed = lambda texts: by_hash(texts) * np.float32(1.0000001)
    assert resolve(server.name).revision == first.revision
    (kept,) = (tmp_path / "another machine" / "endpoints").glob("*.json")
    for odd in ("{", '{"answers": 5}', '{"answers": [{"revision": "x"}]}'):
        kept.write_text(odd)
        assert resolve(server.name).revision == first.revision


def test_a_server_that_changes_during_a_run_is_noticed(server: EmbeddingsServer) -> None:
    with encoder_of(server) as encoder:
        encoder.encode(TEXTS[:2])
        server.embed = lambda texts: by_hash(texts, seed=1)
        with pytest.raises(ModelError, match="answers otherwise than when it was asked first"):
            encoder.encode(TEXTS[2:4])


def test_a_server_that_changes_before_the_first_size_is_noticed(server: EmbeddingsServer) -> None:
    with angle_bench.load(server.name, size=4) as encoder:
        server.embed = lambda texts: by_hash(texts, seed=1)
        with pytest.raises(ModelError, match="answers otherwise than when it was asked first"):
            encoder.encode(TEXTS[2:4])


def test_prompts_are_put_around_texts_by_us(server: EmbeddingsServer) -> None:
    with angle_bench.load(server.name, prompt="query: {text}") as encoder:
        encoder.encode(TEXTS[:1])
        assert server.texts[-2] == f"query: {TEXTS[0]}"
        encoder.encode(TEXTS[:1], prompt="passage: ")
        assert server.texts[-2] == f"passage: {TEXTS[0]}"
        with pytest.raises(UsageError, match="no prompt named 'query'"):
            encoder.encode(TEXTS[:1], prompt_name="query")


def test_prompts_of_mteb_by_role(server: EmbeddingsServer) -> None:
    server.model = "intfloat/e5-small"
    with angle_bench.load(server.name, prompts="mteb") as encoder:
        encoder.encode_query(TEXTS[:1])
        assert server.texts[-2] == f"query: {TEXTS[0]}"
        encoder.encode_document(TEXTS[:1])
        assert server.texts[-2] == f"passage: {TEXTS[0]}"


def test_dimensions_are_asked_for(server: EmbeddingsServer) -> None:
    with angle_bench.load(server.name, size=4) as encoder:
        found = encoder.encode(TEXTS[:3])
        assert encoder.dimension == 4
    assert all(body["dimensions"] == 4 for body in server.asked[-2:])
    cut = by_hash(TEXTS[:3])[:, :4]
    np.testing.assert_allclose(found, cut / np.linalg.norm(cut, axis=1, keepdims=True), rtol=1e-6)
    server.faults += ["", "", "whole"]  # the first two are asked without dimensions
    with (
        angle_bench.load(server.name, size=4) as encoder,
        pytest.raises(ModelError, match="was asked for 4 dimensions, and gives 16"),
    ):
        encoder.encode(TEXTS[:3])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pooling": "cls"}, "--pooling cannot change that"),
        ({"dtype": "float16", "max_length": 128}, "--max-length or --dtype cannot"),
        ({"bidirectional_start": 0}, "--bidirectional-start"),
        ({"base": "x"}, "--base"),
        ({"trust_remote_code": True}, "--trust-remote-code"),
        ({"layer": 3}, "--layers cannot change that"),
        ({"precision": "int8"}, "--precisions cannot change that"),
        ({"size": 17}, "has vectors of 16 dimensions"),
        ({"device": "cpu:3"}, "whose device -d cannot choose"),
        ({"ray": "auto"}, "knows no --ray"),
        ({"prompts": "mteb"}, "mteb has no prompts of tiny"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    server: EmbeddingsServer, given: dict, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        angle_bench.load(server.name, **given)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("openai:", "names no model"),
        ("openai:http://127.0.0.1:8000/v1", "names no model"),
        ("openai:m", "says no address, and OPENAI_BASE_URL is not set"),
        ("openai:m@http://", "no address of a server"),
        ("openai:m@http://h:port/v1", "no address of a server"),
        ("openai:m@http://user:hidden@h/v1", "holds a name or password"),
        ("openai:m@http://h/v1?key=hidden", "has more than a path"),
    ],
)
def test_addresses_that_are_none(typed: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(typed)
    assert said in caught.value.what
    assert "user:hidden" not in str(caught.value)


def test_an_address_of_the_environment(
    server: EmbeddingsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/")
    by_environment = resolve("mine=openai:tiny")
    assert by_environment.label == "mine"
    assert by_environment.revision == resolve(server.name).revision


def test_names_with_signs_of_their_own(server: EmbeddingsServer) -> None:
    server.model = "@cf/baai/bge:latest"
    spec = resolve(server.name)
    assert spec.endpoint is not None
    assert spec.endpoint.model == server.model
    assert spec.name == "endpoint/-cf-baai-bge-latest"


def test_a_wrong_key_and_a_wrong_model(
    server: EmbeddingsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key = "sk-another"
    with pytest.raises(ModelError, match="wants a key, and none is in OPENAI_API_KEY"):
        resolve(server.name)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ModelError, match="refuses the key of OPENAI_API_KEY") as caught:
        resolve(server.name)
    assert KEY not in str(caught.value)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
    with pytest.raises(ModelError, match="'tinny' does not exist"):
        resolve(server.name.replace("tiny", "tinny"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk hidden\n1")
    with pytest.raises(UsageError, match="holds signs that no key has") as refused:
        resolve(server.name)
    assert "hidden" not in str(refused.value)


def test_a_server_that_answers_for_any_name(server: EmbeddingsServer) -> None:
    server.entry = {"id": "other"}
    note = resolve(server.name).note
    assert note is not None
    assert "lists other, not tiny" in note


@pytest.mark.process
def test_a_certificate_that_nobody_trusts(
    server: EmbeddingsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the same server, once SSL_CERT_FILE names who signed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate, and is not here")
    pem = tmp_path / "self-signed.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext"
    names = ["subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out", tmp_path / "certificate.pem"]
    subprocess.run([*words.split(), *names], check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + (tmp_path / "certificate.pem").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    secure = EmbeddingsServer()
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    name = secure.name.replace("http:", "https:")
    with serving(secure):
        with pytest.raises(ModelError) as caught:
            resolve(name)
        lines = str(caught.value).splitlines()
        assert lines[0].startswith(f"the certificate of {name} is not trusted: ")
        assert lines[1].startswith("  type: SSL_CERT_FILE=CA.pem before the command")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        assert resolve(name).endpoint is not None


def test_no_server() -> None:
    with pytest.raises(ModelError, match="cannot be reached"):
        resolve("openai:m@http://127.0.0.1:9/v1")
