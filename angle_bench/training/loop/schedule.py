"""When a training logs, evaluates, saves and stops."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from angle_bench.training.model import distributed, fsdp

if TYPE_CHECKING:
    from angle_bench.training.loop.trainer import AngleTrainer


@dataclass
class Stop:
    """A wish to stop after the step that is under way, with a checkpoint.

    Attributes:
        asked: Whether somebody asked for it.
    """

    asked: bool = False


class ScheduleCallback(TrainerCallback):
    """Tells the Trainer what is due.

    Args:
        trainer: Whose training it is.
        stop: Asked after every step.
    """

    def __init__(self, trainer: "AngleTrainer", stop: Stop) -> None:
        self._trainer = trainer
        self._stop = stop
        self._at_epochs = trainer.recipe.train.save_steps is None
        self._saved = -1
        self._evaluated = -1

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """The model is where it trains."""
        fsdp.check_sharded(self._trainer.student.module)

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """The order of this epoch's rows."""
        if self._trainer.sampler is not None:
            self._trainer.sampler.set_epoch(int(state.epoch or 0))

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
        # one signal stops all processes
        self._stop.asked = bool(distributed.all_reduce_max(self._stop.asked))
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


def _within(state: TrainerState) -> bool:
    """Whether an epoch is not over."""
    return (state.epoch or 0) % 1 != 0
