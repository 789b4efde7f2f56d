"""transformers' Trainer with our loss, order of rows, evaluation and checkpoints."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from angle_bench.errors import ModelError, UsageError
from angle_bench.results.training_record import TrainingRecord
from angle_bench.results.training_texts import FILE_NAME as RECORD
from angle_bench.results.training_texts import read_training_texts
from angle_bench.training import ranks
from angle_bench.training.batch_loss import BatchLoss
from angle_bench.training.candidate import Found, Student, draws, joined
from angle_bench.training.collate import Batch, Collator
from angle_bench.training.consumed import Consumed
from angle_bench.training.dataset import EpochSampler, TrainingRows, sampler_of
from angle_bench.training.folder import fill_checkpoint
from angle_bench.training.grouping import OVERHEAD, Groups, grouped, split, whole
from angle_bench.training.loss import Loss
from angle_bench.training.recipe import Recipe
from angle_bench.training.run_folder import RunFolder
from angle_bench.training.selection import Selection
from angle_bench.training.stream import Stream
from angle_bench.training.watch import Watch

NAMED_ROWS = 8  # of a batch whose loss is not finite


@dataclass
class Stop:
    """A wish to stop after the step that is under way, with a checkpoint.

    Attributes:
        asked: Whether somebody asked for it.
    """

    asked: bool = False


class AngleTrainer(Trainer):
    """Trains a candidate.

    Args:
        recipe: What is trained.
        student: The module.
        loss: What is minimised.
        data: Rows or a stream.
        folder: Where checkpoints go.
        args: As `training_arguments` makes them.
        record: What the candidate was trained on before, and is noted of from now on.
        watch: Told what happens.
        stop: Asked after every step.
        selection: What the best checkpoint is found by; None keeps the last.
        selected_on_test: The test splits among that.
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
        record: TrainingRecord,
        watch: Watch,
        stop: Stop,
        selection: Selection | None = None,
        selected_on_test: tuple[str, ...] = (),
    ) -> None:
        self.recipe = recipe
        self.student = student
        self.folder = folder
        self.selection = selection
        self.watch = watch
        self._loss = loss
        self._record = record
        self._consumed = Consumed(recipe, data, args.world_size)
        self.marks = selected_on_test
        self._sampler = None if isinstance(data, Stream) else sampler_of(data, recipe)
        self._parts: dict[str, Tensor] = {}
        self._batches = 0
        self._exact = not draws(student.module)
        super().__init__(
            model=student.module,
            args=args,
            train_dataset=data,
            data_collator=Collator(student.tokenizer, student.settings),
            callbacks=[_Flow(self, stop)],
        )
        self.remove_callback(PrinterCallback)

    def resume(self, checkpoint: Path) -> None:
        """Note what was trained on up to a checkpoint of this training; its weights are loaded."""
        step = TrainerState.load_from_json(str(checkpoint / "trainer_state.json")).global_step
        if (earlier := read_training_texts(checkpoint)) is not None:
            self._record.inherit(earlier)
        self._consumed.skip(step)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The loss of a batch, through the module that synchronises gradients.

        Raises:
            ModelError: It is not finite; the batch is named.
        """
        groups = self._groups(inputs)
        found = model(inputs["input_ids"], inputs["attention_mask"], groups)
        total = self._total(found, inputs, groups)
        return (total, found) if return_outputs else total

    def training_step(
        self, model: nn.Module, inputs: Batch, num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """A step; with `chunk_tokens` by gradient caching (Gao et al., 2021).

        Vectors are computed chunk by chunk without a graph, the loss gives their gradients, and
        each chunk goes through the model once more, with the same draws, to carry them on.
        """
        if self.recipe.train.chunk_tokens is None:
            return super().training_step(model, inputs, num_items_in_batch)
        model.train()
        batch: Batch = self._prepare_inputs(inputs)
        groups = self._groups(batch)
        chunks = list(_chunks(batch, groups))
        states, parts = [], []
        for chunk in chunks:
            states.append(RandomState(self.args.device))
            with torch.no_grad():
                parts.append(_leaf(model(*chunk)))
        width = batch["input_ids"].shape[1]
        total = self._total(joined(parts, groups, width), batch, groups)
        total = total / self.current_gradient_accumulation_steps
        self.accelerator.backward(total)
        after = RandomState(self.args.device)
        for number, (chunk, state, part) in enumerate(zip(chunks, states, parts, strict=True)):
            state.restore()
            last = number == len(chunks) - 1
            with nullcontext() if last else self.accelerator.no_sync(model):
                _carried(model(*chunk), part).backward()  # type: ignore[no-untyped-call]
        after.restore()
        return total.detach()

    def _total(self, found: Found, inputs: Batch, groups: Groups) -> Tensor:
        """What is minimised of a batch.

        Raises:
            ModelError: It is not finite; the batch is named.
        """
        draw = self.args.seed + (self.state.global_step << 20)
        loss = self._loss(found, inputs, groups, draw)
        total = loss.total
        if not torch.isfinite(total):
            raise self._not_finite(loss, inputs)
        self._note(loss)
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
        return split(found, ranks.agreed(len(found.texts)))

    def _note(self, loss: Loss) -> None:
        for name, part in loss.parts.items():
            self._parts[name] = self._parts.get(name, torch.zeros_like(part)) + part.detach()
        self._batches += 1

    def _not_finite(self, loss: Loss, batch: Batch) -> ModelError:
        rows = batch["row_ids"].tolist()
        named = ", ".join(map(str, rows[:NAMED_ROWS])) + (", …" if len(rows) > NAMED_ROWS else "")
        parts = ", ".join(f"{name} {float(part.detach()):g}" for name, part in loss.parts.items())
        last = self.folder.last()
        kept = f" {last.name} is untouched." if last is not None else ""
        return ModelError(
            f"the loss of step {self.state.global_step + 1} is not finite ({parts}); the batch has "
            f"the rows {named} (counted from 0).{kept}",
            "--set train.learning_rate with a smaller one, or train.precision=float32, and a new "
            "-o FOLDER",
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """The mean of each part beside the loss."""
        if "loss" in logs and self._batches:
            mine = {name: float(sum_) / self._batches for name, sum_ in self._parts.items()}
            said = ranks.everyone_says(mine)
            parts = {name: fmean(each[name] for each in said) for name in mine}
            self._parts, self._batches = {}, 0
            logs |= {f"loss_{name}": value for name, value in parts.items()}
            self.watch.logged(self.state.global_step, parts, logs["learning_rate"])
        super().log(logs, start_time)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The candidate's score on the suite that it is chosen by."""
        assert self.selection is not None
        with torch.autocast(
            self.args.device.type, _HALF.get(self.recipe.train.precision), self._halved
        ):
            found = self.selection.score()
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
        return self._sampler

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Nothing: the module was loaded from the checkpoint."""

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """A candidate that can be used, and beside it the state that training goes on from."""
        step = self.state.global_step
        drawn = ranks.everyone_says(self._random_files())
        if ranks.first():
            self._consumed.record(step, self._record)
            if self.selection is not None:
                self.selection.record(self._record)
            self.watch.saved(self.folder.save(step, lambda place: self._fill(place, drawn)))
            self.folder.keep(self.recipe.train.keep, self.state.best_global_step)

    def _fill(self, place: Path, drawn: Sequence[Mapping[str, bytes]]) -> None:
        fill_checkpoint(place, self.student.candidate(self.marks))
        self._record.write(place / RECORD)
        self._save_optimizer_and_scheduler(str(place))
        self._save_scaler(str(place))
        for files in drawn:
            for name, data in files.items():
                (place / name).write_bytes(data)
        self.state.save_to_json(str(place / "trainer_state.json"))

    def _random_files(self) -> dict[str, bytes]:
        """The files with this process's random states, as the Trainer writes and reads them."""
        with TemporaryDirectory() as folder:
            self._save_rng_state(folder)
            return {each.name: each.read_bytes() for each in Path(folder).iterdir()}


_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


class _Flow(TrainerCallback):
    """When to log, evaluate, save and stop."""

    def __init__(self, trainer: AngleTrainer, stop: Stop) -> None:
        self._trainer = trainer
        self._stop = stop
        self._at_epochs = trainer.recipe.train.save_steps is None
        self._saved = -1
        self._evaluated = -1

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """The order of this epoch's rows."""
        if self._trainer._sampler is not None:
            self._trainer._sampler.set_epoch(int(state.epoch or 0))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """What is due at a step."""
        step, used = state.global_step, self._trainer.recipe
        self._trainer.watch.step(step)
        ended = step >= state.max_steps
        control.should_log = step == 1 or step % used.train.log_steps == 0 or ended
        due = used.train.save_steps is not None and step % used.train.save_steps == 0
        chosen = self._trainer.selection is not None
        at = used.select.steps
        control.should_evaluate = chosen and (ended or (due if at is None else step % at == 0))
        control.should_save = due or ended
        self._stop.asked = bool(ranks.agreed(self._stop.asked))  # one signal stops all processes
        if self._stop.asked:
            control.should_training_stop = True
            # at the end of an epoch what is due there comes, too
            control.should_save = control.should_save or not self._at_epochs or _within(state)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """A checkpoint for each epoch, where steps do not say otherwise."""
        if not self._at_epochs or _within(state):
            return
        step, chosen = state.global_step, self._trainer.selection is not None
        control.should_save = self._saved != step
        by_epoch = chosen and self._trainer.recipe.select.steps is None
        control.should_evaluate = by_epoch and self._evaluated != step

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """After an evaluation: the best is kept, and patience may end."""
        selection = self._trainer.selection
        if selection is None or f"eval_{selection.suite.name}" not in more.get("logs", {}):
            return
        self._evaluated = state.global_step
        if state.best_global_step == state.global_step:
            control.should_save = True
        patience = self._trainer.recipe.select.patience
        if patience is not None and self._trainer.evaluations_without_better() >= patience:
            control.should_save, control.should_training_stop = True, True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Where the last checkpoint is."""
        self._saved = state.global_step


def _chunks(batch: Batch, groups: Groups) -> Iterator[tuple[Tensor, Tensor, Groups]]:
    """What the module is called with for each group by itself."""
    for places, longest in zip(groups.texts, groups.longest, strict=True):
        at = places.to(batch["input_ids"].device)
        ids, mask = (batch[name][at, :longest] for name in ("input_ids", "attention_mask"))
        yield ids, mask, whole(len(at), longest)


def _leaf(found: Found) -> Found:
    """Found values that gradients are gathered in."""
    layers = tuple(layer.detach().requires_grad_() for layer in found.layers)
    return Found(layers, None if found.tokens is None else found.tokens.detach().requires_grad_())


def _carried(found: Found, leaf: Found) -> Tensor:
    """A scalar whose gradient is that of the loss."""
    pairs = [*zip(found.layers, leaf.layers, strict=True)]
    if found.tokens is not None and leaf.tokens is not None:
        pairs.append((found.tokens, leaf.tokens))
    carried = [(own * known.grad).sum() for own, known in pairs if known.grad is not None]
    return torch.stack(carried).sum()


class RandomState:
    """What dropout draws from, as it is now."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._cpu = torch.random.get_rng_state()
        self._cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def restore(self) -> None:
        """Draw again what was drawn from here on."""
        torch.random.set_rng_state(self._cpu)
        if self._cuda is not None:
            torch.cuda.set_rng_state(self._cuda, self._device)


def _within(state: TrainerState) -> bool:
    """Whether an epoch is not over."""
    return (state.epoch or 0) % 1 != 0


def training_arguments(
    recipe: Recipe, folder: RunFolder, device: str, track: str | None
) -> TrainingArguments:
    """What transformers needs to know of a recipe.

    Args:
        recipe: What is trained.
        folder: Where it goes.
        device: As after `-d`.
        track: Where losses are reported, if anywhere.

    Raises:
        UsageError: The device cannot compute in the recipe's precision.
    """
    used = recipe.train
    on_cpu = device.startswith("cpu") or not (
        torch.cuda.is_available() or torch.backends.mps.is_available()
    )
    if used.precision == "fp16" and on_cpu:
        raise UsageError("fp16 needs a GPU.", "--set train.precision=bf16, or float32")
    args = TrainingArguments(
        output_dir=str(folder.place),
        use_cpu=on_cpu,
        num_train_epochs=used.epochs,
        max_steps=used.max_steps or -1,
        per_device_train_batch_size=used.batch_size,
        gradient_accumulation_steps=used.accumulation,
        learning_rate=used.learning_rate,
        lr_scheduler_type={"constant": "constant_with_warmup"}.get(used.schedule, used.schedule),
        warmup_steps=used.warmup,
        weight_decay=used.weight_decay,
        max_grad_norm=used.max_grad_norm,
        optim={"adamw": "adamw_torch", "sgd": "sgd"}[used.optimizer],
        ddp_backend="gloo" if on_cpu and "RANK" in os.environ else None,
        ddp_broadcast_buffers=False,
        ddp_find_unused_parameters=False,
        bf16=used.precision == "bf16",
        fp16=used.precision == "fp16",
        seed=used.seed,
        data_seed=used.seed,
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        report_to=[track or "none"],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
        accelerator_config={"dispatch_batches": False},
    )
    # several devices are for several processes: torch's DataParallel would split batches
    _ = args.device
    args._n_gpu = min(1, args.n_gpu)
    return args
