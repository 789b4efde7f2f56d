"""Evaluate models on suites: compute what is missing, keep a record, give the scores."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from angle_bench import timeline
from angle_bench.api.calling.arguments import access_of, keeping_of
from angle_bench.api.calling.progress_bars import Quiet, in_python
from angle_bench.api.calling.run_plan import Plan, Question, planned
from angle_bench.api.calling.words import Names, Places, listed, place, public, warn, words_of
from angle_bench.api.objects.run_result import RunResult
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.evaluation.run.run_options import DEFAULT_STORE_BYTES, Computing


@contextmanager
def timed(file: Path | None) -> Iterator[None]:
    """Write a trace of what the body does, in all of its processes, whatever ends it.

    Args:
        file: Where; None writes none.
    """
    if file is None:
        yield
        return
    from angle_bench.files.atomic import text_file
    from angle_bench.files.output_file import write_output

    with timeline.temporary_folder() as folder:
        try:
            with timeline.recording(folder):
                yield
        finally:
            write_output(text_file(file, json.dumps(timeline.trace(folder, os.getpid()))))


def carried_out(plan: Plan, progress: Quiet) -> RunResult:
    """Compute what is missing.

    Args:
        plan: What is asked.
        progress: Told what happens.
    """
    from angle_bench.evaluation.run.recorded_run import recorded

    asked = {
        "models": list(plan.question.models),
        "checkpoints": list(plan.question.checkpoints),
        "suite": plan.suite.signature,
        "shard": plan.question.shard,
        "limit": plan.question.limit,
        "work": plan.work.to_dict(),
    }
    with timed(plan.question.debug_timing):
        recorded(plan.jobs, plan.options, asked, progress)
    result = RunResult(plan.jobs, plan.suites, plan.suite, plan.trainings, plan.question.limit)
    if plan.question.track:
        _track(plan, result, progress)
    return result


def _track(plan: Plan, result: RunResult, progress: Quiet) -> None:
    from angle_bench.api.calling.tracked import reports
    from angle_bench.evaluation.tracking.tell_trackers import tell_trackers

    told = reports(result, plan.options.command)
    root = plan.options.root
    tell_trackers(plan.question.track, told, root, progress.tracked, progress.warning)


@public
def run(
    models: Names,
    tasks: Names = "STS",
    *,
    checkpoints: Names = (),
    results: Places = "results",
    first_stage: str | None = None,
    layers: Sequence[int] = (),
    sizes: Sequence[int] = (),
    precisions: Names = (),
    limit: int | None = None,
    shard: str | None = None,
    overwrite: bool = False,
    device: str = "auto",
    batch_tokens: int | None = None,
    ray: str | None = None,
    worker_timeout: float | None = None,
    mirror: Places | None = None,
    base: Places | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    pooling: str | int | None = None,
    prompt: str | None = None,
    prompts: str | None = None,
    max_length: int | None = None,
    dtype: str | None = None,
    attention: str | None = None,
    compile: bool | None = None,
    similarity: str | None = None,
    cache: bool = True,
    cache_dir: Places | None = None,
    cache_limit: str | int = DEFAULT_STORE_BYTES,
    debug_timing: Places | None = None,
    track: Names = (),
    cache_dtype: str = "float32",
    progress: bool = True,
) -> RunResult:
    """Evaluate models on tasks; computes what is missing, and stores it as the command does.

    Args:
        models: What would stand after `-m`: `[LABEL=]NAME-OR-PATH[@REVISION]`, one or several.
        tasks: What would stand after `-t`: suites, tasks or MTEB benchmarks.
        checkpoints: `[LABEL=]DIR`: every checkpoint-N in the folder of a training.
        results: The results folder.
        first_stage: A model with scores of these retrieval tasks: the first 100 documents that it
            found for each query are ranked again, by each of the models.
        layers: Score these layers; 0 is the embeddings.
        sizes: Score these leading dimensions.
        precisions: Score vectors quantised to these: float32, int8, binary.
        limit: Smoke run: so many samples a task, stored apart, in no table.
        shard: `I/N`: only part I of N; `auto` or `auto/N` in a job array.
        overwrite: Whether what is stored is scored again.
        device: `auto`, `cpu`, `cpu:4` (processes), `cuda`, `cuda:0,cuda:2` or `mps`.
        batch_tokens: Maximum padded tokens per batch; measured by default.
        ray: The address of a Ray cluster, or `auto`.
        worker_timeout: Seconds of silence after which a worker is ended and others get its work.
        mirror: A folder with models and data under their hub ids.
        base: The base of an adapter, where the recorded one is elsewhere.
        trust_remote_code: Whether Python files that come with a checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.
        pooling: A pooling's name, as `--pooling` takes it, or a token's number.
        prompt: One prompt around every text: A, B, C, none, or a template that holds `{text}`.
        prompts: "mteb" for the prompts of mteb's own loader.
        max_length: Tokens a text is cut to.
        dtype: float32, bfloat16 or float16.
        attention: sdpa, eager or flash_attention_2.
        compile: Whether torch compiles the model.
        similarity: cosine or dot.
        cache: Whether vectors are kept beyond this call.
        cache_dir: Where; by default ANGLE_BENCH_CACHE or ~/.cache/angle-bench.
        cache_limit: What the vectors of all models may take: bytes, or such as `20G`.
        debug_timing: A .json file for a trace of what all processes did, for ui.perfetto.dev.
        track: Where scores are reported besides: tensorboard, wandb, mlflow, trackio, or several.
        cache_dtype: What vectors are kept as: float32, or float16, which rounds all vectors.
        progress: Whether progress is shown on stderr.

    Returns:
        Scores, failures and folders. A task that fails is in `failures`, and warned of.

    Raises:
        UsageError: A name is unknown, or a setting is invalid.
        ModelError: A checkpoint cannot be read.
        ResultsError: The results folder cannot be written.

    Examples:
        >>> r = run(["all-MiniLM-L6-v2"], tasks="demo", progress=False)
        >>> r.table().round(2)
                          AngleBenchDemo
        model
        all-MiniLM-L6-v2           65.31
    """
    from angle_bench.evaluation.tracking.trackers import tracker_names

    changes = Overrides(pooling, prompt, prompts, max_length, dtype, attention, compile, similarity)
    question = Question(
        models=listed(models),
        tasks=listed(tasks),
        checkpoints=listed(checkpoints),
        results=place(results),
        changes=changes,
        access=access_of(mirror, base, trust_remote_code, allow_pickle),
        computing=Computing(device, batch_tokens, ray, worker_timeout),
        store_options=keeping_of(cache, cache_dir, cache_limit, cache_dtype),
        layers=tuple(layers),
        sizes=tuple(sizes),
        precisions=words_of(precisions),
        limit=limit,
        shard=shard,
        overwrite=overwrite,
        first_stage=first_stage,
        debug_timing=None if debug_timing is None else place(debug_timing),
        track=tracker_names(track),
    )
    plan = planned(question)
    warn(plan.left_out)
    return carried_out(plan, in_python(progress))
