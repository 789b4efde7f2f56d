"""What a run would compute, and about how long it takes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.arguments import access_of
from angle_bench.api.calling.progress_bars import duration
from angle_bench.api.calling.run_plan import Plan, Question, planned
from angle_bench.api.calling.words import Names, Places, listed, place, public, warn
from angle_bench.api.objects.value import Value
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.errors import some
from angle_bench.evaluation.run.run_options import Computing

if TYPE_CHECKING:
    from angle_bench.evaluation.run.forecast import JobForecast
    from angle_bench.suites.task import Suite


@dataclass(frozen=True, repr=False)
class Forecast(Value):
    """What a run would compute.

    Attributes:
        jobs: Of each model its tasks, with texts, tokens and what stands in the way, and seconds.
        suites: What each of them would be scored on.
    """

    jobs: "Sequence[JobForecast]"
    suites: "Sequence[Suite]"

    @property
    def exit_code(self) -> int:
        """What the command ends with: 1 where there is no data for a task."""
        states = [task.state for each in self.jobs for task in each.tasks]
        return 1 if "no data" in states else 0

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain values, those of `angle-bench run -n --json`."""
        from angle_bench.reporting.comparison.resolution import resolved

        return [
            {**asdict(each), "resolves": resolved(suite.task)}
            for each, suite in zip(self.jobs, self.suites, strict=True)
        ]

    def to_text(self) -> str:
        """A table for each model, and which differences the suite can show."""
        from angle_bench.reporting.comparison.resolution import resolved

        lines = [line for each in self.jobs for line in _lines(each)]
        if self.suites and (least := resolved(self.suites[0].task)) is not None:
            lines.append(
                f"{self.suites[0].name} tells two close checkpoints apart from a difference of "
                f"{least:.2f} in the mean on (80 % power, alpha 0.05; angle-bench compare)"
            )
        return "\n".join(lines)


@public
def forecast(
    models: Names,
    tasks: Names = "STS",
    *,
    checkpoints: Names = (),
    results: Places = "results",
    layers: Sequence[int] = (),
    sizes: Sequence[int] = (),
    limit: int | None = None,
    shard: str | None = None,
    overwrite: bool = False,
    device: str = "auto",
    batch_tokens: int | None = None,
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
) -> Forecast:
    """What `run` with the same arguments would compute, and about how long; computes nothing.

    Args:
        models: What would stand after `-m`: `[LABEL=]NAME-OR-PATH[@REVISION]`, one or several.
        tasks: What would stand after `-t`: suites, tasks or MTEB benchmarks.
        checkpoints: `[LABEL=]DIR`: every checkpoint-N in the folder of a training.
        results: The results folder.
        layers: Score these layers; 0 is the embeddings.
        sizes: Score these leading dimensions.
        limit: Smoke run: so many samples a task, stored apart, in no table.
        shard: `I/N`: only part I of N.
        overwrite: Whether what is stored is scored again.
        device: `auto`, `cpu`, `cpu:4` (processes), `cuda`, `cuda:0,cuda:2` or `mps`.
        batch_tokens: Maximum padded tokens per batch; measured by default.
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

    Raises:
        UsageError: A name is unknown, or a setting is invalid.
        ModelError: A checkpoint cannot be read.

    Examples:
        >>> [task.texts for task in forecast("all-MiniLM-L6-v2", tasks="demo").jobs[0].tasks]
        [576]
    """
    question = Question(
        models=listed(models),
        tasks=listed(tasks),
        checkpoints=listed(checkpoints),
        results=place(results),
        changes=Overrides(
            pooling=pooling,
            prompt=prompt,
            prompts=prompts,
            max_length=max_length,
            dtype=dtype,
            attention=attention,
            compile=compile,
            similarity=similarity,
        ),
        access=access_of(mirror, base, trust_remote_code, allow_pickle),
        computing=Computing(device, batch_tokens),
        layers=tuple(layers),
        sizes=tuple(sizes),
        limit=limit,
        shard=shard,
        overwrite=overwrite,
    )
    plan = planned(question, write=False)
    warn(f"{folder} holds no model and is left out" for folder in plan.left_out)
    return forecast_of(plan)


def forecast_of(plan: Plan) -> Forecast:
    """What a plan would compute."""
    return Forecast(plan.forecast(), [job.suite for job in plan.jobs])


def _lines(found: "JobForecast") -> list[str]:
    from angle_bench.evaluation.reader.problems import short
    from angle_bench.reporting.tables.table import plain

    lines = [
        [task.name, task.type, task.state, _count(task.texts), _count(task.tokens)]
        for task in found.tasks
    ]
    said = [found.label, plain(["task", "type", "", "texts", "tokens"], lines, labelled=True)]
    for task in found.tasks:
        if task.why:
            said.append(f"  ! {task.name}: {task.why}")
        said += [f"  ! {task.name}: {line}" for line in task.skipped]
        if task.unused_columns:
            said.append(f"  {task.name}: not used: {some([*map(short, task.unused_columns)])}")
    return [*said, _sum(found)]


def _sum(found: "JobForecast") -> str:
    todo = found.todo
    if not todo:
        return "nothing to compute"
    counts = f"{len(todo)} of {len(found.tasks)} tasks to compute"
    if found.tokens is not None:
        counts += f", {found.tokens:,} tokens before repeated texts are left out"
    if unknown := [task.name for task in todo if task.texts is None]:
        return f"{counts}; how long it takes is not known, as the size of {some(unknown)} is not"
    if found.seconds is None:
        return f"{counts}; how long it takes is known once the model is here"
    least = "about" if found.device == "cpu" else "at least"
    return f"{counts}, {least} {duration(found.seconds)} on this machine ({found.device})"


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
