"""A real browser, and pages opened in it from disk."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reporting.site.opened import Open


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium here")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=found, args=root)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open ./site from disk; at the end nothing was asked of a network and nothing was logged."""
    wrong: list[str] = []
    opened = []

    def visit(
        width: int = 1280, scheme: str = "light", state: str = "", place: str = "site/index.html"
    ) -> Any:
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab.on("request", lambda r: None if _own(r.url) else wrong.append(r.url))
        tab.on("console", lambda m: wrong.append(m.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("dialog", lambda dialog: wrong.append(dialog.message))
        tab.goto((tmp_path / place).as_uri() + state)
        opened.append(tab)
        return tab

    yield visit
    for tab in opened:
        tab.close()
    assert wrong == []


def _own(address: str) -> bool:
    """Files, and what the page itself made to be saved."""
    return address.startswith(("file:", "blob:"))
