"""A Hugging Face hub on loopback, so that tests run the real client code without a network.

huggingface_hub and datasets read ``HF_ENDPOINT`` when they are imported, so `Hub.env` hands out an
environment for a child process and nothing is patched in this one. The answers cover what
huggingface_hub 2.4.0, transformers 5.23 and datasets 5.2 ask for:

* ``GET /api/{kind}s/{repo}[/revision/{rev}]``: a repository and the commit that a revision names;
* ``GET /api/{kind}s/{repo}/tree/{rev}[/{folder}]`` and ``POST .../paths-info/{rev}``: its files;
* ``HEAD`` and ``GET /[datasets/]{repo}/resolve/{rev}/{file}``: one file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import struct
import threading
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlsplit

_LFS_SUFFIXES = frozenset({".arrow", ".bin", ".onnx", ".parquet", ".safetensors"})
_REPO = r"(?P<repo>[^/]+(?:/[^/]+)?)"
_API = re.compile(
    rf"/api/(?P<kind>model|dataset)s/{_REPO}"
    r"(?:/(?P<verb>revision|tree|paths-info)/(?P<rev>[^/]+)(?:/(?P<path>.+))?)?"
)
_FILE = re.compile(rf"/(?P<kind>datasets/)?{_REPO}/resolve/(?P<rev>[^/]+)/(?P<path>.+)")
# What leads a client to another hub, cache or user, or keeps it from asking at all.
_FOREIGN = re.compile(r"(HF|HUGGING_?FACE\w*|(SENTENCE_)?TRANSFORMERS)_.*|.*_PROXY")


class _Break(NamedTuple):
    after: int
    reset: bool


class _Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    broken: _Break | None = None


class _Refusal(Exception):
    """An error answer; the client chooses its exception by the code more than by the status."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Code": code, "X-Error-Message": message, **headers}


class Hub:
    """Serves local folders as repositories for as long as its ``with`` block runs.

    Attributes:
        requests: The (method, path without query) of each request in the order of arrival. One is
            noted before it is answered, so when a child has ended all of its requests are there.
            The server's threads only append; ``clear`` and copies are safe at any time.
    """

    def __init__(self) -> None:
        """Binds a free port; answers begin with the ``with`` block."""
        self.requests: list[tuple[str, str]] = []
        self._repos: dict[tuple[str, str], dict[str, tuple[str, Path]]] = {}
        self._gated: set[str] = set()
        self._breaks: dict[tuple[str, str], list[_Break]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        # With the default poll, each test would end with a wait of up to half a second.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        """Starts to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address for ``HF_ENDPOINT``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def env(self, home: Path) -> dict[str, str]:
        """Returns the environment for a child process that is to know this hub and no other.

        Args:
            home: Its ``HF_HOME``, which holds its caches. Children with the same one find what an
                earlier one has downloaded.
        """
        kept = {name: v for name, v in os.environ.items() if not _FOREIGN.fullmatch(name.upper())}
        # HF_HUB_DISABLE_XET is not needed, as no file here has a Xet hash. The download count would
        # go to s3.amazonaws.com, whatever the endpoint.
        return kept | {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "NO_PROXY": "127.0.0.1",
        }

    def add(
        self, repo_id: str, folder: Path, revision: str, kind: Literal["model", "dataset"] = "model"
    ) -> None:
        """Serves a folder's files, read at each request, as one commit of a repository.

        Args:
            repo_id: The name, such as ``mteb/sts12-sts``.
            folder: Where the files are.
            revision: The commit's 40 hexadecimal digits. ``main`` is the commit added last.
            kind: What the repository holds.

        Raises:
            ValueError: If the client would take the revision for a branch.
        """
        if not re.fullmatch(r"[0-9a-f]{40}", revision):
            raise ValueError(f"not a commit hash: {revision}")
        commits = self._repos.setdefault((kind, repo_id), {})
        commits[revision] = commits["main"] = (revision, folder)

    def gate(self, repo_id: str) -> None:
        """Refuses a repository's files as to a user without access (403, GatedRepoError).

        Its description and the list of its files stay public, as on the real hub since 2024.
        """
        self._gated.add(repo_id)

    def break_once(
        self, repo_id: str, path: str, after: int, times: int = 1, reset: bool = False
    ) -> None:
        """Lets the next GET of a file announce its full length and then lose the connection.

        huggingface_hub 2.4.0 retries inside one call: it waits a second, sends another GET, and
        raises ``httpx2.RemoteProtocolError`` when 6 in a row have brought nothing. It counts and
        keeps whole chunks of 10 MiB. So with ``after`` below that each retry starts again at byte
        0, and ``times=6`` makes one call fail, after 5 seconds; above it a retry asks for the rest
        by Range and starts a new count. A call that fails deletes its partial file, so that the
        next call downloads this file as a whole.

        Args:
            repo_id: The repository's name.
            path: The file in it.
            after: How many bytes of each answer are sent.
            times: How many GETs break, whichever call or process sends them.
            reset: Lose the connection by a TCP reset, for which there is no retry: a single one
                makes the call fail at once, with ``httpx2.ReadError``.
        """
        self._breaks[repo_id, path] = [_Break(after, reset)] * times

    def _answer(self, method: str, target: str, form: str, span: str) -> _Answer:
        url = urlsplit(target)
        self.requests.append((method, unquote(url.path)))
        try:
            if found := _API.fullmatch(url.path):
                return self._api(_parts(found), parse_qs(url.query), parse_qs(form))
            if found := _FILE.fullmatch(url.path):
                return self._resolve(_parts(found), method, span)
            raise _Refusal(404, "", "No such page")
        except _Refusal as refusal:
            body = json.dumps({"error": str(refusal)})
            return _Answer(refusal.status, refusal.headers, body.encode())

    def _find(self, part: dict[str, str]) -> tuple[str, dict[str, Path]]:
        kind = "dataset" if part["kind"].startswith("dataset") else "model"
        commits = self._repos.get((kind, part["repo"]))
        if commits is None:
            # The real hub tells nobody without a token whether it is private or missing.
            raise _Refusal(401, "RepoNotFound", "Invalid username or password.")
        if part["rev"] not in commits:
            raise _Refusal(404, "RevisionNotFound", f"Invalid rev id: {part['rev']}")
        commit, folder = commits[part["rev"]]
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return commit, {file.relative_to(folder).as_posix(): file for file in files}

    def _api(
        self, part: dict[str, str], query: dict[str, list[str]], form: dict[str, list[str]]
    ) -> _Answer:
        commit, files = self._find(part)
        if part["verb"] == "tree":
            found: Any = _tree(files, part["path"], query.get("recursive") == ["true"])
        elif part["verb"] == "paths-info":
            found = [e for e in _tree(files, "", True) if e["path"] in form.get("paths", [])]
        else:
            gated = "manual" if part["repo"] in self._gated else False
            found = {"id": part["repo"], "sha": commit, "private": False, "gated": gated}
            full = "blobs" in query
            found["siblings"] = [
                _entry(name, file) if full else {"rfilename": name} for name, file in files.items()
            ]
        return _Answer(200, {"Content-Type": "application/json"}, json.dumps(found).encode())

    def _resolve(self, part: dict[str, str], method: str, span: str) -> _Answer:
        commit, files = self._find(part)
        repo, path = part["repo"], part["path"]
        if repo in self._gated:
            message = f"Access to {repo} is restricted and you are not in the authorized list."
            raise _Refusal(403, "GatedRepo", message)
        headers = {"X-Repo-Commit": commit}
        if path not in files:
            # With the commit, the client remembers that it lacks this file.
            raise _Refusal(404, "EntryNotFound", "Entry not found", **headers)
        headers |= {"Accept-Ranges": "bytes"} | _identity(_entry(path, files[path]))
        status, body = 200, files[path].read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", span)
        if asked and int(asked[1]) < len(body):
            first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            status, body = 206, body[first : last + 1]
        with self._lock:
            breaks = self._breaks.get((repo, path))
            broken = breaks.pop() if breaks and method == "GET" else None
        return _Answer(status, headers, body, broken)


def _parts(found: re.Match[str]) -> dict[str, str]:
    """Unquotes the parts of a path, which only now may contain a slash of their own."""
    named = {name: unquote(part) for name, part in found.groupdict().items() if part}
    return {"kind": "", "verb": "", "rev": "main", "path": ""} | named


def _entry(path: str, file: Path) -> dict[str, Any]:
    """Describes a file, in the tree's names for things and in those of a list of siblings."""
    blob = file.read_bytes()
    size, oid = len(blob), hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest()
    entry = dict(type="file", path=path, rfilename=path, size=size, oid=oid, blobId=oid)
    if file.suffix in _LFS_SUFFIXES:
        sha = hashlib.sha256(blob).hexdigest()
        return entry | {"lfs": {"oid": sha, "sha256": sha, "size": size, "pointerSize": 134}}
    return entry


def _identity(entry: dict[str, Any]) -> dict[str, str]:
    """The headers by which a client knows a file's content, and names it in its cache."""
    if "lfs" not in entry:
        return {"ETag": f'"{entry["oid"]}"'}
    # The real hub redirects to a CDN here, and the client reads these headers off the redirect.
    etag = f'"{entry["lfs"]["oid"]}"'
    return {"ETag": etag, "X-Linked-Etag": etag, "X-Linked-Size": str(entry["size"])}


def _tree(files: dict[str, Path], base: str, recursive: bool) -> list[dict[str, Any]]:
    prefix = f"{base}/" if base else ""
    inside = [name for name in files if name.startswith(prefix)]
    if base and not inside:
        raise _Refusal(404, "EntryNotFound", f"{base} does not exist")
    parents = {str(parent) for name in inside for parent in PurePosixPath(name).parents} - {"."}
    folders = sorted(path for path in parents if path.startswith(prefix))
    # The client wants a hash of each folder and has no use for it.
    entries = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in folders]
    entries += [_entry(name, files[name]) for name in inside]
    return [e for e in entries if recursive or "/" not in str(e["path"])[len(prefix) :]]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # 1.0 would need a connection for each request
    disable_nagle_algorithm = True  # a body would wait 40 ms for its headers' acknowledgement

    def __init__(self, hub: Hub, *args: Any) -> None:
        self._hub = hub
        super().__init__(*args)

    def handle(self) -> None:
        # A client that breaks off or is killed is part of a test and no news.
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        answer = self._hub._answer(self.command, self.path, form, self.headers.get("Range", ""))
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.broken and answer.broken.after])
        if answer.broken:
            self.close_connection = True
            if answer.broken.reset:
                self._reset()

    do_HEAD = do_GET
    do_POST = do_GET

    def _reset(self) -> None:
        # Without time to linger, close sends RST. The server would first shut the connection down,
        # which sends FIN, so its descriptor is closed here and now.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, format: str, *args: object) -> None:
        pass
