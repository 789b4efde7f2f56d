"""Where results are on disk (CONTRACTS "Results on disk")."""

from dataclasses import dataclass
from pathlib import Path

from angle_bench.errors import ResultsError, UsageError

SIDE = ".angle-bench"


@dataclass(frozen=True)
class ModelFolder:
    """The folder of one model, revision and settings.

    Attributes:
        root: The results folder.
        name: The model's name with its slash.
        revision: The model's revision.
        settings_id: Eight hex digits where settings differ from the model's own, else None.
    """

    root: Path
    name: str
    revision: str
    settings_id: str | None = None

    @property
    def home(self) -> Path:
        """The folder of the model, in which its revisions are."""
        return self.root / self.name.replace("/", "__").replace(" ", "_")

    @property
    def path(self) -> Path:
        """The folder that mteb reads."""
        plain = self.home / self.revision
        if self.settings_id is None:
            return plain
        return plain / "experiments" / f"settings_{self.settings_id}"

    @property
    def side(self) -> Path:
        """The folder of run records, predictions and errors, which mteb does not see."""
        return self.path / SIDE

    def result(self, task: str) -> Path:
        """The result file of a task; its existence means that the rest is there."""
        return self.path / f"{task}.json"

    def record(self, task: str) -> Path:
        """The run record of a task."""
        return self.side / f"{task}.json"

    def predictions(self, task: str) -> Path:
        """The per-item predictions of a task."""
        return self.side / f"{task}.parquet"

    def ranked(self, task: str) -> Path:
        """The documents that a retrieval task found for each query."""
        return self.side / f"{task}.run.parquet"

    def error(self, task: str) -> Path:
        """The last failure of a task."""
        return self.side / f"{task}.error.json"

    def task_lock(self, task: str) -> Path:
        """The lock that a process holds while it computes a task."""
        return self.side / f"{task}.lock"

    @property
    def lock(self) -> Path:
        """The lock that a process holds while it moves files of the folder."""
        return self.side / "lock"

    @property
    def meta(self) -> Path:
        """The description of the model that mteb reads."""
        return self.path / "model_meta.json"


def results_root(typed: Path, *, write: bool) -> Path:
    """The results folder that `-r` means: itself, or its `results` when the parent is given.

    Args:
        typed: What was typed.
        write: Whether it is about to be written; then it is made and tried.

    Raises:
        UsageError: It is a file.
        ResultsError: It cannot be written.
    """
    try:
        root = typed.expanduser()
    except RuntimeError as error:
        raise UsageError(f"nobody has the home folder of {typed}.", "-r FOLDER") from error
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file, not a results folder.", "-r FOLDER")
    holds_models = any(entry.name.find("__") > 0 for entry in _folders(root))
    if not holds_models and (root / "results").is_dir():
        root = root / "results"
    if write:
        _try_writing(root)
    return root


def smoke_root(root: Path, limit: int) -> Path:
    """Where smoke runs of so many samples a task are kept, out of the sight of every table."""
    return root / ".limit" / str(limit)


def _folders(root: Path) -> list[Path]:
    return [entry for entry in root.iterdir() if entry.is_dir()] if root.is_dir() else []


def _try_writing(root: Path) -> None:
    trial = root / ".angle-bench-write-test"
    try:
        root.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"x")
        trial.unlink(missing_ok=True)  # another job may try at the same moment
    except OSError as error:
        raise ResultsError(
            f"the results folder {root} cannot be written: {error.strerror or error}.",
            "-r FOLDER that can be written and has space",
        ) from error
