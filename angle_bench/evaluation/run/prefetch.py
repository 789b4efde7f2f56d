"""Several tasks' texts computed before the first of them is scored: each distinct one once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from angle_bench.errors import AngleBenchError
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.run.missing import MissingTask
from angle_bench.timeline import span

if TYPE_CHECKING:
    from angle_bench.evaluation.encoders.mteb_encoder import MtebEncoder
    from angle_bench.evaluation.scoring.score import Prepared

    Ready = dict[str, Prepared | Exception]


def prefetch_texts(
    encoders: "Sequence[MtebEncoder]", todo: Sequence[MissingTask], progress: Progress
) -> "Ready":
    """Load the data of tasks and put the vectors of all their texts into the encoder's store.

    A task whose data cannot be loaded, and whatever stops the encoder, is left to the task's turn.

    Args:
        encoders: The variants of one model; they share one forward pass.
        todo: Tasks that compare pairs of texts.
        progress: Told how many texts there are.

    Returns:
        The loaded data of each task, or why it could not be loaded.
    """
    from angle_bench.evaluation.scoring.score import prepare

    ready: Ready = {}
    texts: dict[str, list[str]] = {}
    for each in todo:
        try:
            with span("load data", task=each.task.name):
                prepared = ready[each.task.name] = prepare(each.task, each.located)
        except Exception as error:
            ready[each.task.name] = error
            continue
        own = prepared.mteb_task.metadata.prompt
        template = encoders[0].template(each.task.name, each.task.type, None, own)
        texts.setdefault(template, []).extend(prepared.texts())
    distinct = {template: list(dict.fromkeys(some)) for template, some in texts.items()}
    if distinct:
        progress.encoding(sum(map(len, distinct.values())), sum(map(len, texts.values())))
    encoder = encoders[0].encoder
    for template, all_texts in texts.items():
        try:
            with span("encode", texts=len(distinct[template])):
                encoder.fill(all_texts, template, progress.texts)
            for output in {one.output for one in encoders} - {0}:  # computed already, unless stored
                encoder.fill(distinct[template], template, output=output)
        except AngleBenchError as error:
            progress.warning(f"{error.what} The tasks go on one by one.")
    return ready
