"""What is stored: every score, the predictions of a task, the runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from angle_bench.api.calling.words import Names, Places, listed, place, public, warn
from angle_bench.errors import ResultsError, first_line, shell_word

if TYPE_CHECKING:
    import pandas as pd

    from angle_bench.results.find.selected_models import SelectedModel


@public
def scores(
    *results: Places,
    tasks: Names | None = None,
    models: Names | None = None,
    model_names: Names = (),
) -> "pd.DataFrame":
    """Every stored score, of any tool that writes MTEB's files, as a tidy frame.

    Needs neither torch nor mteb.

    Args:
        results: Results folders, clones of mteb's results repository; by default `results`.
        tasks: What would stand after `-t`; by default all.
        models: What would stand after `angle-bench leaderboard -m`; by default all.
        model_names: `[FOLDER=]NAME` where files and path do not say the model's name.

    Returns:
        A row for each model, task, split, subset and metric, with the columns label, model,
        revision, settings, task, type, split, subset, metric, score (points, ×100), main, n
        (samples), seconds (of the task) and signature.

    Raises:
        UsageError: There is no such folder, task or model.

    Examples:
        >>> found = scores("results", tasks="STS").query("main")
        >>> found.groupby("label")["score"].count()["tuned"]
        np.int64(7)
    """
    from angle_bench.reporting.tables.tidy import tidy
    from angle_bench.results.find.stored_models import StoredModel

    lines: list[str] = []
    chosen = _chosen([place(each) for each in results or ("results",)], models, model_names, lines)
    found = tidy([StoredModel.of(model) for model in chosen], _wanted(tasks), lines)
    warn(lines)
    return found


def _chosen(
    paths: list[Path], models: Names | None, model_names: Names, lines: list[str]
) -> "list[SelectedModel]":
    from angle_bench.results.find.collect import collect
    from angle_bench.results.find.selected_models import models_of
    from angle_bench.results.find.stored_models import StoredModel

    found = collect(paths, listed(model_names))
    lines += found.warnings
    every = models_of(found.folders)
    if models is None:
        return every
    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.evaluation.scored.scored_models import find_rows

    stored = [StoredModel.of(model) for model in every]
    rows = find_rows(listed(models), stored, LoadOptions(), "TASKS", lines)
    return [model for row in rows for model in row.models]


def _wanted(tasks: Names | None) -> Callable[[str], bool]:
    if tasks is None:
        return lambda _: True
    from angle_bench.suites.select import select

    asked = {task.name.casefold() for task in select(listed(tasks)).task}
    return lambda name: name.casefold() in asked


@public
def predictions(model: str, task: str, *, results: Places = "results") -> "pd.DataFrame":
    """What a model said of every item of a task, as `run` stored it.

    Args:
        model: A name, a label or a folder with scores.
        task: One task.
        results: The results folder.

    Returns:
        For STS and pair classification a row for each pair: subset, split, index, text1, text2,
        gold (on the data's own scale), score (of the similarity that the main score ranks). For
        retrieval and reranking a row for each query: query_id, metric, value. For classification a
        row for each item of each experiment: text, gold, predicted. Results that were passed on
        hold 16-byte hashes instead of texts.

    Raises:
        UsageError: There is no such model or task.
        ResultsError: No predictions of it are stored.

    Examples:
        >>> pairs = predictions("tuned", "STS16")
        >>> pairs.nlargest(10, "score")[["text1", "text2", "gold", "score"]].shape
        (10, 4)
    """
    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.evaluation.scored.scored_models import find_scored
    from angle_bench.results.find.stored_models import stored_models
    from angle_bench.results.layout import SIDE
    from angle_bench.suites.select import select

    suite = select([task])
    if len(suite.task) != 1:
        raise ResultsError(
            f"{task} is {len(suite.task)} tasks.", f"-t {shell_word(suite.task[0].name)}"
        )
    (asked,) = suite.task
    lines: list[str] = []
    stored = stored_models(place(results), lines)
    found = find_scored([model], stored, LoadOptions(), asked.name, lines)
    warn(lines)
    if found.errors:
        raise found.errors[0]
    (one, *_) = found.groups[0].models
    for folder in one.folders:
        file = folder.path / SIDE / f"{asked.name}.parquet"
        if file.is_file():
            return _frame(file, model, asked.name)
    raise ResultsError(
        f"{model} has no predictions of {asked.name}.",
        f"angle-bench run -m {shell_word(model)} -t {shell_word(asked.name)} --overwrite",
    )


def _frame(file: Path, model: str, task: str) -> "pd.DataFrame":
    import pyarrow as pa

    from angle_bench.results.predictions import read_predictions

    try:
        frame: pd.DataFrame = read_predictions(file).to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ResultsError(
            f"{file} cannot be read as predictions: {first_line(error)}",
            f"angle-bench run -m {shell_word(model)} -t {shell_word(task)} --overwrite",
        ) from error
    return frame


@public
def runs(results: Places = "results") -> "pd.DataFrame":
    """The commands that wrote into a results folder: what was run when, and how it ended.

    Args:
        results: The results folder.

    Returns:
        A row for each command, the first one first: started and ended (UTC), command, models,
        suite, exit_code (missing while it runs, or where it was killed), scored, kept and failed
        (counts of tasks over models), record (its file).

    Examples:
        >>> runs("results")[["started", "command", "exit_code"]].columns.tolist()
        ['started', 'command', 'exit_code']
    """
    import pandas as pd

    from angle_bench.results.runs import every_run

    lines: list[str] = []
    found = every_run(place(results), lines)
    warn(lines)
    columns = {name: [getattr(run, name) for run in found] for name in RUN_COLUMNS}
    frame = pd.DataFrame(columns)
    times = {name: pd.to_datetime(frame[name], utc=True) for name in ("started", "ended")}
    counts = dict.fromkeys(("exit_code", "scored", "kept", "failed"), "Int64")
    return frame.assign(**times).astype(counts)


RUN_COLUMNS = (
    *("started", "ended", "command", "models", "suite", "exit_code"),
    *("scored", "kept", "failed", "record"),
)
