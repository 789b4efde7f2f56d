"""Lines of cells as aligned text."""

from collections.abc import Sequence

from tabulate import tabulate


def aligned(
    headers: Sequence[str], lines: Sequence[Sequence[str]], align: Sequence[str] | None = None
) -> str:
    """Columns as wide as their widest cell, two spaces apart, without spaces at ends of lines.

    The headers are a line like the others: tabulate makes columns two wider than headers that it
    is told of. A cell of several lines makes its row as high.

    Args:
        headers: The first line.
        lines: The others.
        align: `left` or `right` for each column; all to the left where it is not given.
    """
    table = tabulate(
        [headers, *lines],
        tablefmt="plain",
        colalign=align,
        disable_numparse=True,
        preserve_whitespace=True,
    )
    return "\n".join(line.rstrip() for line in table.splitlines())
