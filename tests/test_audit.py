"""`make audit`: an audit of nothing does not count as passed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.audit import FLAWS, UNKNOWN, audit_of

SOUND = {"name": "numpy", "version": "2.3.0", "vulns": []}
FLAWED = {
    "name": "urllib3",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2021-108", "fix_versions": ["1.26.5"], "aliases": []}],
}
ITSELF = {"name": "angle-bench", "skip_reason": "distribution marked as editable"}
MISSING = {"name": "pip", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def said(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize(
    ("output", "code", "last"),
    [
        (said(SOUND, ITSELF), 0, "1 packages audited: no known flaw"),
        (said(SOUND, FLAWED), FLAWS, "2 packages audited: 1 known flaws"),
        (said(FLAWED, MISSING), FLAWS, "1 packages audited: 1 known flaws"),
        (said(SOUND, MISSING), UNKNOWN, "1 packages audited: no known flaw"),
        (said(MISSING), UNKNOWN, "nothing audited"),
        (said(ITSELF), UNKNOWN, "nothing audited"),
        (said(), UNKNOWN, "nothing audited"),
        ("", UNKNOWN, "nothing audited"),
        ("[1]", UNKNOWN, "nothing audited"),
    ],
)
def test_what_counts_as_passed(output: str, code: int, last: str) -> None:
    found = audit_of(output)
    assert (found.code, found.lines()[-1]) == (code, last)


def test_what_is_known_of_a_flaw_is_said() -> None:
    assert audit_of(said(FLAWED)).lines()[0] == "urllib3 1.0: PYSEC-2021-108, fixed in 1.26.5"


@pytest.mark.process
def test_where_no_service_answers_it_says_so_and_fails(tmp_path: Path) -> None:
    pytest.importorskip("pip_audit", reason="the extra `dev` is not installed")
    (tmp_path / "sound-1.0.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: sound\nVersion: 1.0\n"
    (tmp_path / "sound-1.0.dist-info" / "METADATA").write_text(metadata)
    nobody = {f"{name}_PROXY": "http://127.0.0.1:9" for name in ("HTTP", "HTTPS", "ALL")}
    env = {**os.environ, **nobody, **{name.lower(): at for name, at in nobody.items()}}
    env |= {"NO_PROXY": "", "no_proxy": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    words = [sys.executable, "-m", "tools.audit", "--path", str(tmp_path)]
    ended = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == UNKNOWN, ended.stderr
    assert ended.stderr.startswith("no advisory service answered: ")
    assert ended.stderr.endswith("nothing audited\n")
