"""The hub on loopback, taking uploads: a repository is made, files and one commit arrive.

* ``POST /api/repos/create``; ``POST /api/validate-yaml``;
* ``POST /api/models/{repo}/preupload/{rev}``: every file is to come inside the commit;
* ``POST /api/models/{repo}/commit/{rev}``: the files, as lines of JSON.
"""

import base64
import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.hub import Hub, _Answer

_UPLOAD = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)/(?P<verb>preupload|commit)/main")
COMMIT = "c" * 40


class UploadHub(Hub):
    """Attributes: created, the repositories as they were asked for; files, what came, by path."""

    def __init__(self, refusal: int | None = None) -> None:
        """A hub that answers every upload with this status, if any."""
        super().__init__()
        self.created: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self._refusal = refusal

    def _answer(self, method: str, target: str, form: str, span: str) -> _Answer:
        path = unquote(urlsplit(target).path)
        found = _UPLOAD.fullmatch(path)
        if path == "/api/repos/create":
            if self._refusal is not None:
                message = "You don't have the rights to create a model under this namespace"
                headers = {"X-Error-Message": message}
                return _Answer(self._refusal, headers, json.dumps({"error": message}).encode())
            self.created.append(json.loads(form))
            made = self.created[-1]
            name = (
                f"{made['organization']}/{made['name']}" if "organization" in made else made["name"]
            )
            return _json({"url": f"{self.url}/{name}", "id": "1"})
        if path == "/api/validate-yaml":
            return _json({"errors": [], "warnings": []})
        if found is None:
            return super()._answer(method, target, form, span)
        if found["verb"] == "preupload":
            names = [file["path"] for file in json.loads(form)["files"]]
            return _json(
                {
                    "files": [
                        {"path": name, "uploadMode": "regular", "shouldIgnore": False}
                        for name in names
                    ]
                }
            )
        for line in form.splitlines():
            said = json.loads(line)
            if said["key"] == "file":
                value = said["value"]
                self.files[value["path"]] = base64.b64decode(value["content"])
        address = f"{self.url}/{found['repo']}/commit/{COMMIT}"
        return _json({"commitUrl": address, "commitOid": COMMIT, "success": True})


def _json(value: Any) -> _Answer:
    return _Answer(200, {"Content-Type": "application/json"}, json.dumps(value).encode())
