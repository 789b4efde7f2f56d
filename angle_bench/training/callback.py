"""`angle_bench.EvaluateCallback`: scores of a live model in another library's trainer."""

import os
import shutil
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import torch.distributed as dist
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.overrides import Overrides
from angle_bench.checkpoints.reference import ModelRef
from angle_bench.checkpoints.resolve import resolve_all
from angle_bench.checkpoints.spec import ModelSpec
from angle_bench.encoding.workers.start import check_devices
from angle_bench.errors import AngleBenchError, UsageError, did_you_mean, shell_word
from angle_bench.evaluation.progress import Progress
from angle_bench.evaluation.run.jobs import Job
from angle_bench.evaluation.run.outcome import ModelOutcome
from angle_bench.evaluation.run.run_options import Computing, Options, StoreOptions
from angle_bench.evaluation.run.runner import run
from angle_bench.evaluation.task_data import check_mirror
from angle_bench.results.layout import results_root
from angle_bench.suites.select import find_all, joined
from angle_bench.training.loop.selection import untouched_random
from angle_bench.training.model import distributed, fsdp
from angle_bench.training.recipe.python_errors import said_in_python

# how long the other processes wait for an evaluation, instead of their half an hour for a step
PATIENCE = timedelta(days=7)
SETTINGS = ("pooling", "prompt", "prompts", "max_length", "similarity")


class EvaluateCallback(TrainerCallback):
    """Evaluates the model of transformers' or sentence-transformers' trainer as it is trained.

    Before the first step, every so many steps and at the end the model is written to a temporary
    folder and scored by the path of `angle-bench run`: results are stored under the identity of
    these weights, so that a checkpoint with the same content is not computed again. Scores, from 0
    to 1, are logged as `eval_STS12` and, of several tasks, their mean as `eval_mean`. Nothing that
    training draws is touched. In several processes the first one evaluates, the others wait for it,
    and all of them log.

        >>> callback = EvaluateCallback("STSB-dev", every=500)
        >>> trainer = SentenceTransformerTrainer(model, train_dataset=rows, loss=loss)
        >>> trainer.add_callback(callback.logging_to(trainer))
    """

    def __init__(
        self,
        tasks: str | Sequence[str],
        every: int = 500,
        *,
        results: str | Path = "results",
        device: str | None = None,
        mirror: str | Path | None = None,
        base: str | Path | None = None,
        **settings: Any,
    ) -> None:
        """Check what is asked.

        Args:
            tasks: As after `-t`: suites, tasks or benchmarks.
            every: Steps between evaluations.
            results: The results folder.
            device: A device string, as `--device` takes it; by default the trainer's.
            mirror: A folder with models and data under their hub ids.
            base: The base of an adapter, where the recorded one is elsewhere.
            settings: How vectors are taken where the model does not say it itself: `pooling`,
                `prompt`, `prompts`, `max_length`, `similarity`.

        Raises:
            UsageError: A task, a setting or the device is unknown.
            ResultsError: The results folder cannot be written.
        """
        for name in settings:
            if name not in SETTINGS:
                near = did_you_mean(name, SETTINGS)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise UsageError(
                    f"EvaluateCallback takes no {name}.{hint}", f"one of {', '.join(SETTINGS)}"
                )
        if not isinstance(every, int) or every < 1:
            raise UsageError(f"every is {every!r}, and should be a number of steps.", "every=500")
        with said_in_python({}):
            if device is not None:
                check_devices(device)
            self._suite = joined(find_all([tasks] if isinstance(tasks, str) else list(tasks)))
            self._mirror = check_mirror(None if mirror is None else Path(mirror))
            self._root = results_root(Path(results), write=True)
        self._access = LoadOptions.of(base, self._mirror, False, False)
        self._settings = Overrides(**settings)
        self._every, self._device = every, device
        self._trainer: Any = None
        self._place: TemporaryDirectory[str] | None = None
        self._group: Any = None  # of several processes
        self._done = -1

    def logging_to(self, trainer: Any) -> "EvaluateCallback":
        """Let a trainer tell its reports, too; without it `state.log_history` alone has the scores.

        Callbacks are not told whose they are.
        """
        self._trainer = trainer
        return self

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Evaluates what training starts from, so that what is missing is said before it.

        Raises:
            UsageError: The weights are divided over processes, or nobody says the pooling.
            AngleBenchError: A task could not be scored.
        """
        if args.fsdp or args.deepspeed or _divided(more["model"]):
            raise UsageError(
                "EvaluateCallback cannot see weights that are divided over processes.",
                f"angle-bench run --checkpoints {shell_word(args.output_dir)} afterwards",
            )
        if distributed.count() > 1:
            backend = "gloo" if dist.is_gloo_available() else None
            self._group = dist.new_group(backend=backend, timeout=PATIENCE)
        self._place = TemporaryDirectory()
        try:
            with said_in_python({}):
                self._evaluate(args, state, more)
        except BaseException:  # then training does not begin, and nothing calls on_train_end
            self._close()
            raise

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Evaluates, where it is due; a failure is said and ends nothing."""
        if state.global_step % self._every == 0:
            self._try(args, state, more)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Evaluates what training ends with."""
        if self._done != state.global_step:
            self._try(args, state, more)
        self._close()

    def _close(self) -> None:
        if self._place is not None:
            self._place.cleanup()
        if self._group is not None:
            dist.destroy_process_group(self._group)

    def _try(self, args: TrainingArguments, state: TrainerState, more: Any) -> None:
        try:
            self._evaluate(args, state, more)
        except AngleBenchError as error:
            if state.is_world_process_zero:
                _say(f"step {state.global_step:,} could not be evaluated: {error}")

    def _evaluate(self, args: TrainingArguments, state: TrainerState, more: Any) -> None:
        """Score and log; of several tasks those that can be.

        Raises:
            AngleBenchError: One could not be scored; in every process.
        """
        self._done = state.global_step
        scores: dict[str, float] = {}
        failed: AngleBenchError | None = None
        if state.is_world_process_zero:
            try:
                outcome = self._run(args, state, more)
                scores = self._scores(outcome)
                for name, failure in outcome.failures.items():
                    failed = failed or AngleBenchError(f"{name}: {failure.what}", failure.fix)
            except AngleBenchError as error:
                failed = error
            except Exception as error:
                self._told({}, AngleBenchError(f"the first process failed: {error}", "the same"))
                raise
        scores, failed = self._told(scores, failed)
        self._log(state, scores)
        if failed is not None:
            raise failed

    def _run(self, args: TrainingArguments, state: TrainerState, more: Any) -> ModelOutcome:
        """What came of the model as it is now."""
        with untouched_random():
            try:
                spec = self._written(args, state, more)
                outcome = ModelOutcome.of(spec, self._root)
                device = self._device or _device_of(args)
                options = Options(
                    root=self._root,
                    mirror=self._mirror,
                    computing=Computing(device),
                    store_options=StoreOptions(on=False),  # of weights that are gone in a moment
                    command=["angle_bench.EvaluateCallback"],
                )
                run([Job([outcome], self._suite)], options, _Warnings())
            finally:
                self._removed()
        return outcome

    def _told(
        self, scores: dict[str, float], failed: AngleBenchError | None
    ) -> tuple[dict[str, float], AngleBenchError | None]:
        """What the first process found, in each; those who are early wait."""
        if self._group is None:
            return scores, failed
        said: list[Any] = [scores, None if failed is None else (failed.what, failed.fix)]
        dist.broadcast_object_list(said, src=0, group=self._group)
        if failed is None and said[1] is not None:
            failed = AngleBenchError(*said[1])
        return said[0], failed

    def _log(self, state: TrainerState, scores: dict[str, float]) -> None:
        """Log as the trainer does: in every process."""
        if not scores:
            return
        if self._trainer is not None:
            self._trainer.log(dict(scores))
        else:
            epoch = {} if state.epoch is None else {"epoch": state.epoch}
            state.log_history.append({**scores, **epoch, "step": state.global_step})
        if state.is_world_process_zero:
            said = "  ".join(f"{name} {score:.4f}" for name, score in scores.items())
            _say(f"step {state.global_step:,}: {said}")

    def _scores(self, outcome: ModelOutcome) -> dict[str, float]:
        found = {f"eval_{name}": score for name, score in outcome.scores(self._suite).items()}
        if len(self._suite.task) > 1 and len(found) == len(self._suite.task):
            found["eval_mean"] = fmean(found.values())
        return found

    def _written(self, args: TrainingArguments, state: TrainerState, more: Any) -> ModelSpec:
        """The model in a folder named as its checkpoint would be, so that it is the same model."""
        assert self._place is not None
        name, step = Path(args.output_dir or "training").resolve().name, state.global_step
        folder = Path(self._place.name) / name / f"checkpoint-{step}"
        _save(more["model"], more.get("processing_class"), folder)
        ref = ModelRef(str(folder), f"{name} step {step}")
        (spec,) = resolve_all([ref], self._settings, self._access)
        return spec

    def _removed(self) -> None:
        assert self._place is not None
        for each in Path(self._place.name).iterdir():
            shutil.rmtree(each, ignore_errors=True)


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    inner = getattr(model, "module", model)  # within DistributedDataParallel
    if hasattr(inner, "encode") and hasattr(inner, "save_pretrained"):  # sentence-transformers'
        inner.save_pretrained(str(folder), create_model_card=False)
        return
    if not hasattr(inner, "save_pretrained") or tokenizer is None:
        lacking = "a tokenizer" if hasattr(inner, "save_pretrained") else "save_pretrained"
        raise UsageError(
            f"EvaluateCallback needs a {type(inner).__name__} with {lacking}.",
            "Trainer(model, processing_class=tokenizer, …)",
        )
    inner.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _divided(model: Any) -> bool:
    """Whether no process has all weights."""
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true" or fsdp.asked():
        return True
    return any(isinstance(weight, DTensor) for weight in model.parameters())


def _device_of(args: TrainingArguments) -> str:
    return "cpu:1" if args.device.type == "cpu" else str(args.device)


def _say(text: str) -> None:
    print(f"angle-bench: {text}", file=sys.stderr)


class _Warnings(Progress):
    """Says warnings; the rest goes by, since failures come as errors."""

    def warning(self, text: str) -> None:
        _say(f"! {text}")
