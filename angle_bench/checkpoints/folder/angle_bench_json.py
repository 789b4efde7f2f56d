"""`angle_bench.json`: what a checkpoint that was trained here says of itself.

Other formats lack a place for some of our settings (the pooling `cls_avg`, a prompt with a tail,
a decoder that looks ahead). Where the file is, its settings are the checkpoint's own, whatever
else the folder says, so nothing has to be typed. It is part of the content hash: a checkpoint used
otherwise, or one without its mark, is another one.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from angle_bench.checkpoints.folder.config import read_json
from angle_bench.checkpoints.spec import Settings
from angle_bench.errors import ModelError

FILE_NAME = "angle_bench.json"

MERGE_RECORD = "merge.json"  # what a merged checkpoint was made of

Maker = Literal["train", "export", "merge"]


class OwnFile(BaseModel):
    """The contents of the file.

    Attributes:
        format: Its version.
        made_by: What wrote the folder, and so may write it again.
        settings: The checkpoint's own.
        selected_on_test: The task splits, such as `STSBenchmark test`, that the checkpoint was
            chosen by although they are for testing; scores of it are marked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    made_by: Maker
    settings: Settings
    selected_on_test: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole_vectors(self) -> Self:
        # a layer, size or precision is asked of a checkpoint, it is no property of one
        if self.settings.layer is not None or self.settings.size is not None:
            raise ValueError("a checkpoint's own settings have neither layer nor size")
        if self.settings.precision != "float32":
            raise ValueError("a checkpoint's own settings have no precision of vectors")
        return self

    def text(self) -> str:
        """The file's text; settings at their defaults are left out."""
        return self.model_dump_json(indent=2, exclude_defaults=True) + "\n"


def read_own_file(folder: Path) -> OwnFile | None:
    """The file of a checkpoint's folder, None where there is none.

    Raises:
        ModelError: There is one that cannot be read.
    """
    place = folder / FILE_NAME
    if not place.is_file():
        return None
    try:
        return OwnFile.model_validate(read_json(place))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ModelError(
            f"{place} is invalid: {key or 'it'}: {first['msg'].lower()}.",
            "the folder saved anew, or the angle-bench that wrote it",
        ) from error
