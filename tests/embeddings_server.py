"""A small server with the protocol of OpenAI's embeddings, and with faults that can be switched on.

In a test it is a thread over any function of texts. `python -m tests.embeddings_server FOLDER PORT`
is a process over a checkpoint, which sentence-transformers loads; `hash` in place of the folder
takes 100 ms for each request and needs no checkpoint.
"""

import base64
import hashlib
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray

Embed = Callable[[list[str]], NDArray[np.float32]]
KEY = "sk-test-0123456789"


def by_hash(texts: list[str], width: int = 16, seed: int = 0) -> NDArray[np.float32]:
    """Vectors of length 1 that depend on each text alone."""
    rows = []
    for text in texts:
        digest = hashlib.sha256(f"{seed}{text}".encode("utf-8", "surrogatepass")).digest()
        rows.append(np.random.default_rng(np.frombuffer(digest, np.uint32)).normal(size=width))
    made = np.asarray(rows, np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


class EmbeddingsServer(ThreadingHTTPServer):
    """`/v1/models` and `/v1/embeddings` on 127.0.0.1.

    Attributes:
        embed: Texts to vectors.
        faults: What goes wrong with the next requests for vectors, one each.
        always: What goes wrong with each of them.
        asked: The bodies of these requests.
        entry: What the list says of the model beside its id; None is a server without a list.
        key: The only one that is taken; None takes any, and none.
        most: The most texts of a request.
        knows_base64: Whether `encoding_format` is understood.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, embed: Embed = by_hash, port: int = 0, model: str = "tiny") -> None:
        self.embed, self.model = embed, model
        self.faults: deque[str] = deque()
        self.always: str | None = None
        self.asked: list[dict[str, Any]] = []
        self.entry: dict[str, Any] | None = {"object": "model", "owned_by": "tests"}
        self.key: str | None = None
        self.most = 10_000
        self.knows_base64 = True
        self.elsewhere = "http://127.0.0.2:9/v1/embeddings"
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def name(self) -> str:
        """What stands after -m."""
        return f"openai:{self.model}@{self.url}"

    @property
    def texts(self) -> list[str]:
        """All texts that were asked for, those of refused requests too."""
        return [text for body in self.asked for text in body["input"]]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no fault of the server."""


@contextmanager
def serving(server: EmbeddingsServer) -> Iterator[EmbeddingsServer]:
    """A server in a thread, until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: EmbeddingsServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        if not self._is_known():
            return
        if self.path != "/v1/models" or server.entry is None:
            self._json(404, {"error": {"message": "no such page"}})
            return
        # as vLLM does, it says when it was asked
        entry = {"id": server.model, **server.entry, "created": len(server.asked)}
        self._json(200, {"object": "list", "data": [entry]})

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self._is_known():
            return
        with server.lock:
            server.asked.append(body)
            fault = server.faults.popleft() if server.faults else server.always
        if self.path != "/v1/embeddings" or body["model"] != server.model:
            said = f"The model {body['model']!r} does not exist."
            self._json(404, {"error": {"message": said}})
        elif len(body["input"]) > server.most:
            self._json(413, {"error": {"message": f"more than {server.most} texts"}})
        elif "encoding_format" in body and not server.knows_base64:
            self._json(422, {"detail": [{"loc": ["encoding_format"], "msg": "not permitted"}]})
        elif fault is None or not self._refused(fault):
            self._json(200, self._answer(body, fault or ""))

    def _refused(self, fault: str) -> bool:
        """Answer with a fault that is no answer; False where it is in the vectors."""
        status, _, more = fault.partition(" ")
        if status == "cut":
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b'{"data": [')
            self.close_connection = True
        elif status == "slow":
            self.close_connection = True
            threading.Event().wait(float(more))
        elif status == "html":
            self._send(200, b"<html><body>Welcome</body></html>", "text/html")
        elif status == "redirect":
            self._send(307, b"", "text/plain", {"location": more or self.server.elsewhere})
        elif status.isdigit():
            headers = {"retry-after": more} if more else {}
            said = json.dumps({"error": {"message": f"fault, {self.headers['authorization']}"}})
            self._send(int(status), said.encode(), "application/json", headers)
        else:
            return False
        return True

    def _answer(self, body: dict[str, Any], fault: str) -> dict[str, Any]:
        texts = body["input"]
        with self.server.lock:
            vectors = self.server.embed(texts)
        if "dimensions" in body and fault != "whole":
            vectors = vectors[:, : body["dimensions"]]
            vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        if fault == "nan":
            vectors[0, 0] = np.nan
        if fault == "narrow":
            vectors = vectors[:, :-1]
        if fault == "mixed":
            vectors = vectors[::-1]
        rows: list[Any] = [vector.tolist() for vector in vectors]
        if body.get("encoding_format") == "base64" and fault != "floats":
            rows = [base64.b64encode(vector.astype("<f4").tobytes()).decode() for vector in vectors]
        if fault == "unlike":
            rows[0] = vectors[0][:-1].tolist()
        data = [{"object": "embedding", "index": at, "embedding": r} for at, r in enumerate(rows)]
        if fault == "reordered":
            data = data[::-1]
        if fault == "few":
            data = data[1:]
        if fault == "no index":
            data = [{"embedding": each["embedding"]} for each in data]
        tokens = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": body["model"], "usage": usage}

    def _is_known(self) -> bool:
        key = self.server.key
        if key is None or self.headers["authorization"] == f"Bearer {key}":
            return True
        said = f"Incorrect API key provided: {self.headers['authorization']}."
        self._json(401, {"error": {"message": said}})
        return False

    def _json(self, status: int, told: Any) -> None:
        self._send(status, json.dumps(told).encode(), "application/json")

    def _send(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def of_checkpoint(folder: str) -> Embed:
    """A checkpoint as sentence-transformers computes it."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)

    def embed(texts: list[str]) -> NDArray[np.float32]:
        return np.asarray(model.encode(texts, show_progress_bar=False), np.float32)

    return embed


def slowly(texts: list[str]) -> NDArray[np.float32]:
    """As `by_hash`, one request after the other."""
    threading.Event().wait(0.1)
    return by_hash(texts)


if __name__ == "__main__":
    computed = slowly if sys.argv[1] == "hash" else of_checkpoint(sys.argv[1])
    made = EmbeddingsServer(computed, int(sys.argv[2]))
    print(made.url, flush=True)  # the test waits for it
    made.serve_forever()
