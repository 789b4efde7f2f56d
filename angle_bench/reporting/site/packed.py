"""Values as compressed JSON in a script file, which a page from disk can load when it needs them.

A page that was opened from disk may not fetch a file beside it, but it may run one: the script
hands the text over. What decompresses it is the browser.
"""

import base64
import gzip
import json
from typing import Any

_BEGIN = 'angleBench.put("'


def packed(value: Any) -> str:
    """JSON, gzip, base64; the same bytes for the same value."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def packed_script(name: str, value: Any) -> str:
    """The script that hands it over under a name, which must be harmless in quotes."""
    return f'{_BEGIN}{name}", "{packed(value)}");\n'


def is_packed(text: str) -> bool:
    """Whether a text begins as such a script does."""
    return text.startswith(_BEGIN)
