"""Templates filled: Jinja2 escapes every name and text."""

from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from angle_bench.errors import printable

# in their order: what a later one uses, an earlier one defines
SCRIPTS = ("core.js", "table.js", "download.js", "views.js", "pairs.js")


def render(template: str, **values: Any) -> str:
    """A template of templates/ with its values."""
    return _environment().get_template(template).render(values)


@cache
def asset(name: str) -> str:
    """A file that is the same for all pages: the style, a script."""
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def script(*names: str) -> str:
    """Scripts as one."""
    return "\n".join(asset(name) for name in names)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["printable"] = printable
    return environment
