"""A picture that notebooks show and a file can keep."""

from dataclasses import dataclass, field
from pathlib import Path

from angle_bench.api.calling.words import Places, place


@dataclass(frozen=True)
class Picture:
    """A figure in SVG.

    Attributes:
        svg: The whole element.
    """

    svg: str = field(repr=False)

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: Places) -> Path:
        """Write it as `.svg`.

        Raises:
            ResultsError: It cannot be written.
        """
        from angle_bench.files.atomic import text_file, write_together

        file = place(path)
        write_together([text_file(file, self.svg)], fix="-o FILE in a folder that can be written")
        return file
