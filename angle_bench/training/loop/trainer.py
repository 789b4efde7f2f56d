"""transformers' Trainer with our loss, order of rows, evaluation and checkpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainerState, TrainingArguments

from angle_bench.checkpoints.loading.torch_internals import (
    on_device,
    save_random_state,
    save_scaler,
)
from angle_bench.errors import ResultsError, UsageError
from angle_bench.results.training_record import TrainingRecord
from angle_bench.results.training_texts import FILE_NAME as RECORD
from angle_bench.results.training_texts import read_training_texts
from angle_bench.training.checkpoint.candidate import TrainedCheckpoint, fill_checkpoint
from angle_bench.training.checkpoint.run_folder import RunFolder
from angle_bench.training.data.batches import (
    batches_file,
    batches_of,
    made_with,
    refuse_other_models,
    rows_digest,
)
from angle_bench.training.data.collate import Batch, Collator
from angle_bench.training.data.consumed import Consumed
from angle_bench.training.data.dataset import TrainingRows
from angle_bench.training.data.order import EpochSampler, sampler_of
from angle_bench.training.data.stream import Stream
from angle_bench.training.loop.gradient_cache import cached_backward
from angle_bench.training.loop.loss_log import LossLog, not_finite
from angle_bench.training.loop.selection import Selection
from angle_bench.training.loop.training_events import TrainingProgress
from angle_bench.training.loss.batch_loss import BatchLoss
from angle_bench.training.model import distributed, fsdp
from angle_bench.training.model.grouping import OVERHEAD, Groups, grouped, split
from angle_bench.training.model.layer_decay import slow_down
from angle_bench.training.model.student import Student
from angle_bench.training.model.trainable import ForwardOutput, draws
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.steps import last_due, saved_steps

OPTIMIZER, SCHEDULER = "optimizer.pt", "scheduler.pt"


@dataclass(frozen=True)
class Provenance:
    """What a candidate is noted to come from, beside its recipe.

    Attributes:
        record: What it was trained on before, and is noted of from now on.
        selection: What the best checkpoint is found by; None keeps the last.
        selected_on_test: The test splits among that.
        made_of: What the starting point, the teachers and the data for choosing are, by name.
    """

    record: TrainingRecord
    selection: Selection | None = None
    selected_on_test: tuple[str, ...] = ()
    made_of: Mapping[str, str] = field(default_factory=dict)


class AngleTrainer(Trainer):
    """Trains a candidate.

    Args:
        recipe: What is trained.
        student: The module.
        loss: What is minimised.
        data: Rows or a stream.
        folder: Where checkpoints go.
        args: As `training_arguments` makes them.
        provenance: What is noted of the candidate.
        watch: Told what happens.
    """

    loss_is_scaled_for_ga = False  # the mean of a batch

    def __init__(
        self,
        recipe: Recipe,
        student: Student,
        loss: BatchLoss,
        data: TrainingRows | Stream,
        folder: RunFolder,
        args: TrainingArguments,
        provenance: Provenance,
        watch: TrainingProgress,
    ) -> None:
        self.recipe = recipe
        self.student = student
        self.folder = folder
        self.selection = provenance.selection
        self.watch = watch
        self._loss = loss
        self._record = provenance.record
        self._consumed = Consumed(recipe, data, args.world_size)
        self._divided = batches_of(recipe, args.world_size)
        self._digest = data.digest if isinstance(data, TrainingRows) else None
        self._made_of = dict(provenance.made_of)
        self.marks = provenance.selected_on_test
        self.sampler = None if isinstance(data, Stream) else sampler_of(data, recipe)
        rows = None if self.sampler is None else len(self.sampler)
        self.due = saved_steps(recipe, rows, args.world_size)
        self._losses = LossLog()
        self._texts, self._cut = 0, 0
        self._exact = not draws(student.module)
        super().__init__(
            model=student.module,
            args=args,
            train_dataset=data,
            data_collator=Collator(
                student.tokenizer,
                student.settings,
                recipe.prompts,
                recipe.train.seed,
                recipe.teaches_texts,
            ),
        )
        self.remove_callback(PrinterCallback)

    def create_accelerator_and_postprocess(self) -> None:
        """Accelerate as ever; where shards were asked for, on CPUs as well."""
        super().create_accelerator_and_postprocess()
        fsdp.shard_on_cpu(self.accelerator)
        plugin = getattr(self.accelerator.state, "fsdp_plugin", None)
        fsdp.check_plugin(plugin)
        self.is_fsdp_enabled = plugin is not None

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Transformers' optimizer, whose norms and biases do not decay; slower in lower layers."""
        fresh = self.optimizer is None
        found = super().create_optimizer(model)
        decay = self.recipe.train.layer_decay
        if fresh and decay is not None:
            slow_down(found, self.student.module if model is None else model, decay)
        return found

    def resume(self, checkpoint: Path) -> None:
        """Note what was trained on up to a checkpoint of this training; its weights are loaded.

        Raises:
            UsageError: Rows, starting point or teachers are not those that it was trained with.
        """
        if (before := rows_digest(checkpoint)) is not None and before != self._digest:
            raise UsageError(
                f"the rows are not those that {checkpoint.name} was trained on.",
                "-o FOLDER of a new name, or the rows as they were",
            )
        refuse_other_models(checkpoint, self._made_of)
        self._say_what_is_compared(checkpoint)
        step = TrainerState.load_from_json(str(checkpoint / "trainer_state.json")).global_step
        if (earlier := read_training_texts(checkpoint)) is not None:
            self._record.inherit(earlier)
        self._consumed.skip(step)

    def _say_what_is_compared(self, checkpoint: Path) -> None:
        """Warn where from here on other numbers of rows are compared with each other.

        Raises:
            UsageError: The order of the rows depends on it.
        """
        there, now = made_with(checkpoint, self.recipe), self._divided
        if there.together == now.together:
            return
        if self.recipe.train.batch_sampler == "no_duplicates":
            raise UsageError(
                f"no_duplicates ordered the rows of {checkpoint.name} for batches of "
                f"{there.together}, and now they would be of {now.together}.",
                f"--set train.batch_size={there.batch_size} --processes {there.processes}",
            )
        self.watch.warning(
            f"{checkpoint.name} compared {there.together} rows with each other, from here on "
            f"it is {now.together}"
        )

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The loss of a batch, through the module that synchronises gradients.

        Raises:
            ModelError: The loss is not finite; the batch is named.
        """
        groups = self._groups(inputs)
        found = model(inputs["input_ids"], inputs["attention_mask"], inputs["prompts"], groups)
        total = self._total(found, inputs, groups)
        return (total, found) if return_outputs else total

    def training_step(
        self, model: nn.Module, inputs: Batch, num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """A step; with `chunk_tokens` by gradient caching."""
        if self.recipe.train.chunk_tokens is None:
            return super().training_step(model, inputs, num_items_in_batch)
        model.train()
        batch: Batch = on_device(self, inputs)
        groups = self._groups(batch)

        def backward(found: ForwardOutput) -> Tensor:
            total = self._total(found, batch, groups) / self.current_gradient_accumulation_steps
            self.accelerator.backward(total)
            return total.detach()

        return cached_backward(
            model, batch, groups, backward, partial(self.accelerator.no_sync, model)
        )

    def _total(self, found: ForwardOutput, inputs: Batch, groups: Groups) -> Tensor:
        """What is minimised of a batch.

        Raises:
            ModelError: The loss is not finite; the batch is named.
        """
        draw = self.args.seed + (self.state.global_step << 20)
        loss = self._loss(found, inputs, groups, draw)
        total = loss.total
        if not torch.isfinite(total):
            raise not_finite(loss, inputs, self.state.global_step + 1, self.folder.last())
        self._losses.note(loss)
        self._texts += len(inputs["lengths"])
        self._cut += inputs["cut"]
        return total

    def _groups(self, batch: Batch) -> Groups:
        """Texts of like lengths together; equal ones once, where nothing is dropped at random.

        Every process makes as many groups: sharded weights are gathered in each forward pass.
        """
        found = grouped(
            batch["lengths"],
            OVERHEAD[self.args.device.type],
            self.recipe.train.chunk_tokens,
            batch["distinct"] if self._exact else None,
        )
        return split(found, distributed.all_reduce_max(len(found.texts)))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """The mean of each part beside the loss."""
        if "loss" in logs and self._losses.batches:
            parts = self._losses.means()
            logs |= {f"loss_{name}": value for name, value in parts.items()}
            self.watch.logged(self.state.global_step, parts, logs["learning_rate"])
        super().log(logs, start_time)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The candidate's score on the suite that it is chosen by."""
        assert self.selection is not None
        found = self.scored(self.selection)
        best = self.state.best_metric is None or found > self.state.best_metric
        if best:
            self.state.best_metric = found
            self.state.best_global_step = self.state.global_step
        metrics = {f"eval_{self.selection.suite.name}": found}
        self.log(dict(metrics))
        self.watch.evaluated(self.state.global_step, found, best)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def scored(self, selection: Selection) -> float:
        """The score of a candidate, in the precision of the training."""
        with torch.autocast(
            self.args.device.type, _HALF.get(self.recipe.train.precision), self._halved
        ):
            return selection.score()

    def say_what_was_cut(self) -> None:
        """Warn of texts that were longer than the candidate's or a teacher's length."""
        said = distributed.all_gather((self._cut, self._texts))
        cut, texts = map(sum, zip(*said, strict=True))
        if cut:
            limit = self.student.settings.max_length
            self.watch.warning(f"{cut:,} of {texts:,} texts were cut to {limit} tokens")
        for teacher in self._loss.teachers.values():
            if (line := teacher.cut()) is not None:
                self.watch.warning(line)

    @property
    def _halved(self) -> bool:
        return self.recipe.train.precision in _HALF

    def evaluations_without_better(self) -> int:
        """How many evaluations there were since the best one."""
        assert self.selection is not None
        key = f"eval_{self.selection.suite.name}"
        steps = [entry["step"] for entry in self.state.log_history if key in entry]
        return sum(step > (self.state.best_global_step or 0) for step in steps)

    def _get_train_sampler(self, train_dataset: Any = None) -> EpochSampler | None:  # type: ignore[override]
        return self.sampler

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Nothing: the module was loaded from the checkpoint."""

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """A candidate that can be used, and beside it the state that training goes on from."""
        step = self.state.global_step
        drawn = distributed.all_gather(self._random_files()) if distributed.count() > 1 else []
        candidate = fsdp.candidate(self.student, self.marks)
        optimizer = fsdp.optimizer_state(self.student.module, _inner(self.optimizer))
        if distributed.is_main_process():
            self._consumed.record(step, self._record)
            if self.selection is not None:
                self.selection.record(self._record)
            fill = partial(self._fill, candidate, optimizer, drawn)
            self.watch.saved(self.folder.save(step, fill))
            averaged = last_due(self.recipe, self.due, self.folder.steps())
            self.folder.keep(self.recipe.train.keep, {self.state.best_global_step, *averaged})

    def _fill(
        self,
        candidate: TrainedCheckpoint,
        optimizer: Mapping[str, Any],
        drawn: Sequence[Mapping[str, bytes]],
        place: Path,
    ) -> None:
        fill_checkpoint(place, candidate)
        self._record.write(place / RECORD)
        batches = batches_file(place, self._divided, self._digest, self._made_of)
        batches.write(batches.place)
        torch.save(optimizer, place / OPTIMIZER)
        assert self.lr_scheduler is not None
        torch.save(self.lr_scheduler.state_dict(), place / SCHEDULER)
        save_scaler(self, str(place))
        if not drawn:
            save_random_state(self, str(place))
        for files in drawn:
            for name, data in files.items():
                (place / name).write_bytes(data)
        self.state.save_to_json(str(place / "trainer_state.json"))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        assert self.lr_scheduler is not None
        place = Path(checkpoint)
        fsdp.load_optimizer_state(self.student.module, _inner(self.optimizer), place / OPTIMIZER)
        self.lr_scheduler.load_state_dict(torch.load(place / SCHEDULER, weights_only=True))

    def _random_files(self) -> dict[str, bytes]:
        """The files with this process's random states, as the Trainer writes and reads them.

        Raises:
            ResultsError: There is no space for temporary files.
        """
        try:
            with TemporaryDirectory() as folder:
                save_random_state(self, folder)
                return {each.name: each.read_bytes() for each in Path(folder).iterdir()}
        except (OSError, RuntimeError) as error:  # torch's writer raises the latter
            raise ResultsError(
                f"{gettempdir()} cannot be written: {error}", "TMPDIR=FOLDER with space, --resume"
            ) from error


_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def _inner(optimizer: Any) -> torch.optim.Optimizer:
    """What accelerate has wrapped."""
    found: torch.optim.Optimizer = getattr(optimizer, "optimizer", optimizer)
    return found
