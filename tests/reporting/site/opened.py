"""What tests read off an opened page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.stored import Pairs, Results

Open = Callable[..., Any]
ARTEFACTS = Path(__file__).parents[3] / "build" / "screenshots"
SCRIPT = "<script>alert(1)</script>"
ODD = "<b>odd"


def rows(tab: Any) -> list[str]:
    return [link.inner_text() for link in tab.query_selector_all("#scores tbody tr:visible th a")]


def column(tab: Any, key: str) -> dict[str, str]:
    """What a column shows of every visible row."""
    texts = tab.evaluate(
        """key => {
          const cells = [...document.querySelectorAll("#scores thead th")];
          const at = cells.findIndex((each) => each.dataset.key === key);
          const shown = [...document.querySelectorAll("#scores tbody tr")];
          return shown.filter((row) => row.offsetParent).map((row) => row.cells[at].innerText);
        }""",
        key,
    )
    return dict(zip(rows(tab), [text.strip() for text in texts], strict=True))


def sort(tab: Any, key: str) -> None:
    tab.locator(f'#scores thead th[data-key="{key}"] button').click()


def made(root: Path) -> Results:
    """Four models with predictions, one of them named to break out, one without a task."""
    results = Results(root)
    for label, noise in (("base", 0.3), ("good", 0.1), ("bad", 0.8), (ODD, 0.2)):
        for seed, name in enumerate(("STS12", "STS13")):
            pairs = Pairs(name)
            if (label, name) != ("bad", "STS13"):
                pairs.text1[0] = SCRIPT
                part = pairs.part(pairs.scores(noise, seed))
                results.put(f"local/{label}", name, part)
    return results
