"""What a run or a training would compute, and about how long it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from angle_bench.api.calling.arguments import access_of
from angle_bench.api.calling.progress_bars import duration
from angle_bench.api.calling.run_plan import Plan, Question, planned
from angle_bench.api.calling.words import Names, Places, listed, place, public, warn, words_of
from angle_bench.api.objects.value import Value
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.errors import next_step, some
from angle_bench.evaluation.run.run_options import Computing
from angle_bench.extras import needs_all

if TYPE_CHECKING:
    from angle_bench.api.objects.training_plan import TrainingPlan
    from angle_bench.checkpoints.access import LoadOptions
    from angle_bench.evaluation.run.forecast import JobForecast
    from angle_bench.suites.task import Suite
    from angle_bench.sweeps.sweep_grid import PlannedTraining, Sweep


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
        """What the command ends with: 1 where there is no data, or a model cannot run here."""
        states = [task.state for each in self.jobs for task in each.tasks]
        return 1 if "no data" in states or any(each.refused for each in self.jobs) else 0

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
        from angle_bench.suites.private_tasks import private_line

        lines = [line for each in self.jobs for line in _lines(each)]
        lines += filter(None, dict.fromkeys(map(private_line, self.suites)))
        if self.suites and (least := resolved(self.suites[0].task)) is not None:
            lines.append(
                f"{self.suites[0].name}: between two close checkpoints, differences of {least:.2f} "
                "points or more in the mean are detectable (80 % power, α = .05; angle-bench "
                "compare)"
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
    precisions: Names = (),
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
        precisions: Score vectors quantised to these: float32, int8, binary.
        limit: Smoke run: so many samples a task, stored apart, in no table.
        shard: `I/N`: only part I of N; `auto` or `auto/N` in a job array.
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
    changes = Overrides(pooling, prompt, prompts, max_length, dtype, attention, compile, similarity)
    question = Question(
        models=listed(models),
        tasks=listed(tasks),
        checkpoints=listed(checkpoints),
        results=place(results),
        changes=changes,
        access=access_of(mirror, base, trust_remote_code, allow_pickle),
        computing=Computing(device, batch_tokens),
        layers=tuple(layers),
        sizes=tuple(sizes),
        precisions=words_of(precisions),
        limit=limit,
        shard=shard,
        overwrite=overwrite,
    )
    plan = planned(question, write=False)
    warn(plan.left_out)
    return forecast_of(plan)


def forecast_of(plan: Plan) -> Forecast:
    """What a plan would compute."""
    return Forecast(plan.forecast(), [job.suite for job in plan.jobs])


@public
def plan_training(
    recipe: Places,
    *,
    output: Places | None = None,
    seeds: Sequence[int] = (),
    shard: str | None = None,
    device: str = "auto",
    mirror: Places | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    model: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    prompts: Mapping[str, Any] | None = None,
    loss: Mapping[str, Any] | None = None,
    espresso: Mapping[str, Any] | None = None,
    matryoshka: Mapping[str, Any] | None = None,
    teacher: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    lora: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None,
    select: Mapping[str, Any] | None = None,
) -> "TrainingPlan":
    """What `angle-bench train` would do, in how much memory and time; nothing is written.

    Args:
        recipe: A TOML file, or the name of a ready recipe; a setting that is a list is swept.
        output: The candidate's folder; by default `checkpoints/RECIPE`.
        seeds: Train once for each.
        shard: `I/N`: only part I of the N parts of a sweep; `auto` or `auto/N` in a job array.
        device: `auto`, `cpu`, `cuda:1`, `mps`.
        mirror: A folder with models and data under their hub ids.
        trust_remote_code: Whether Python files that come with the checkpoint may run.
        allow_pickle: Whether weights may be read that are no safetensors.
        model: Settings of this section of the recipe that are to be others.
        data: Likewise.
        prompts: Likewise.
        loss: Likewise, such as `{"cosine_w": 1.0}`.
        espresso: Likewise.
        matryoshka: Likewise.
        teacher: Likewise; a list of several.
        lora: Likewise, such as `{"r": 16}`.
        train: Likewise; a list is swept: `{"learning_rate": [1e-5, 2e-5]}`.
        select: Likewise.

    Raises:
        UsageError: There is no such recipe or setting.
        DataError: The data is not what the recipe needs.
        ModelError: The checkpoint cannot be trained so.

    Examples:
        >>> plan = plan_training("small.toml", train={"learning_rate": [1e-5, 2e-5]})
        >>> plan.preview.steps, plan.to_dataframe()["name"].tolist()
        (2, ['learning_rate=1e-05', 'learning_rate=2e-05'])
    """
    needs_all("train")

    from angle_bench.encoding.workers.start import check_devices
    from angle_bench.evaluation.task_data import check_mirror
    from angle_bench.files.toml import toml_value
    from angle_bench.sweeps.sweep_grid import dealt, read_sweep, trainings

    sections = {"model": model, "data": data, "prompts": prompts, "loss": loss}
    sections |= {"espresso": espresso, "matryoshka": matryoshka}
    sections |= {"lora": lora, "train": train, "select": select}
    if isinstance(teacher, Mapping):
        sections["teacher"] = teacher
    several = [] if teacher is None or isinstance(teacher, Mapping) else list(teacher)
    changes = [f"teacher={toml_value(several)}"] if several else []
    changes += [
        f"{section}.{key}={toml_value(value)}"
        for section, given in sections.items()
        for key, value in (given or {}).items()
    ]
    check_devices(device)
    sweep = read_sweep(str(recipe), changes)
    folder = Path("checkpoints") / Path(recipe).stem if output is None else place(output)
    share = dealt(trainings(sweep, folder, seeds), shard)
    local = check_mirror(None if mirror is None else place(mirror))
    return plan_of(sweep, share, access_of(local, None, trust_remote_code, allow_pickle), device)


def plan_of(
    sweep: "Sweep", share: "Sequence[PlannedTraining]", access: "LoadOptions", device: str
) -> "TrainingPlan":
    """What a sweep, or the only cell of a plain recipe, would do.

    Args:
        sweep: The grid.
        share: What is trained of it.
        access: Where checkpoints are looked for.
        device: A device string, as `--device` takes it.
    """
    from angle_bench.api.objects.training_plan import TrainingPlan
    from angle_bench.training.preview.preview import preview

    recipe = share[0].recipe if share else sweep.cells[0].recipe
    seen = preview(recipe, replace(access, base=recipe.model.base), device)
    return TrainingPlan(sweep, share, recipe, seen)


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
    if found.too_large:
        said.append(f"  ! {found.too_large}")
    if found.faster:
        said.append(f"  {found.faster}")
    if found.refused:
        return [*said, f"  ! {found.refused}", f"  {next_step(found.instead or '')}"]
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
    if found.seconds is None and found.device:
        return f"{counts}; how long {found.device} takes is not known"
    if found.seconds is None:
        return f"{counts}; how long it takes is known once the model is here"
    least = "about" if found.device == "cpu" else "at least"
    return f"{counts}, {least} {duration(found.seconds)} on this machine ({found.device})"


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
