"""Results for mteb's results repository: which files it takes, and why it would refuse others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angle_bench.checkpoints.registry.mteb_models import mteb_models, mteb_name
from angle_bench.errors import ResultsError
from angle_bench.files.atomic import bytes_file, write_together
from angle_bench.results.find.collect import ResultFolder
from angle_bench.results.find.walk import META
from angle_bench.results.layout import SIDE
from angle_bench.results.result_file import UnreadableResult, read_result
from angle_bench.results.run_record import read_run_record
from angle_bench.suites.catalogue import catalogue


@dataclass(frozen=True)
class SubmittedFile:
    """A result file, and whether the repository takes it.

    Attributes:
        model: The model's name.
        revision: Its revision.
        task: The task's name.
        source: Where the file is.
        refusal: Why the repository would refuse it; empty where it takes it.
    """

    model: str
    revision: str
    task: str
    source: Path
    refusal: str = ""

    @property
    def place(self) -> Path:
        """Where it stands in the repository."""
        folder = Path("results") / self.model.replace("/", "__") / self.revision
        return folder / f"{self.task}.json"

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "model": self.model,
            "revision": self.revision,
            "task": self.task,
            "source": str(self.source),
            "place": str(self.place),
            "refusal": self.refusal or None,
        }


def submitted_files(
    folders: Iterable[ResultFolder], tasks: frozenset[str] | None
) -> list[SubmittedFile]:
    """The result files of some folders, each with what the repository would say.

    Args:
        folders: Of any models.
        tasks: Whose results; None for all.
    """
    found = []
    for folder in folders:
        of_folder = _of_folder(folder)
        for task in sorted(folder.files if tasks is None else folder.files & tasks):
            refusal = of_folder or _of_file(folder, task)
            made = SubmittedFile(folder.name, folder.revision, task, folder.file(task), refusal)
            found.append(made)
    return found


def _of_folder(folder: ResultFolder) -> str:
    """Why none of a folder's files is taken."""
    if folder.settings is not None:
        return (
            f"scored under settings of the run ({folder.settings}), which belong under experiments/"
        )
    name = mteb_name(folder.name)
    if name is None:
        return "the model is not in mteb's registry; add its ModelMeta to mteb first"
    if name != folder.name:
        return f"mteb writes the model {name}"
    revision = mteb_models()[name]
    if folder.revision != revision:
        return f"mteb's registry has revision {revision}, these scores are of {folder.revision}"
    if not (folder.path / META).is_file():
        return f"{META} is not beside it"
    return ""


def _of_file(folder: ResultFolder, task: str) -> str:
    if task not in catalogue()["tasks"]:
        return "mteb has no such task"
    if task in folder.packed:
        return "it is packed; the repository holds plain JSON"
    try:
        stored = read_result(folder.file(task), catalogue()["tasks"][task]["metric"])
    except UnreadableResult as error:
        return f"it cannot be read: {error}"
    if stored is None:
        return "it is gone"
    return _of_data(folder, task, stored.dataset_revision)


def _of_data(folder: ResultFolder, task: str, revision: str) -> str:
    """Scores over local rows name no commit, which the repository joins results by."""
    wanted = catalogue()["tasks"][task]["revision"]
    if not revision.startswith("local-"):
        return "" if revision == wanted else f"its data is of commit {revision}, mteb's is {wanted}"
    record = read_run_record(folder.path / SIDE / f"{task}.json", [])
    verdict = record.get("data", {}).get("verification", {}).get("verdict")
    if verdict == "equal":
        return "its data is local, with mteb's own counts but no commit; run it on the hub's data"
    return "its data is local and not known to be mteb's; run it on the hub's data"


def write_submission(files: Sequence[SubmittedFile], to: Path) -> list[SubmittedFile]:
    """Copy the files that are taken, each with its `model_meta.json`; returns those written.

    Args:
        files: With and without refusals.
        to: The folder that is to hold `results`: a new one, or a clone of the repository.

    Raises:
        ResultsError: Another file stands where one is to be, or the folder cannot be written.
    """
    taken = [file for file in files if not file.refusal]
    pairs = dict(pair for file in taken for pair in _copies(file, to))
    for place, data in pairs.items():
        if place.name != META and place.exists() and place.read_bytes() != data:
            raise ResultsError(
                f"{place} is there with other scores; nothing is overwritten.",
                "--to FOLDER that does not hold it, or remove that file",
            )
    new = {place: data for place, data in pairs.items() if not place.exists()}
    if new:
        written = [bytes_file(place, data) for place, data in new.items()]
        write_together(written, fix="--to FOLDER that can be written and has space")
    return taken


def _copies(file: SubmittedFile, to: Path) -> Iterator[tuple[Path, bytes]]:
    place = to / file.place
    yield place, file.source.read_bytes()
    yield place.with_name(META), file.source.with_name(META).read_bytes()
