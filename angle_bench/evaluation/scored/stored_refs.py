"""What is typed after -m of `run`, where it is a name, label or glob of stored models."""

import shlex
from collections.abc import Callable, Sequence

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.checkpoints.reference import ModelRef, expand
from angle_bench.checkpoints.resolve import means_a_checkpoint
from angle_bench.checkpoints.suggestions import unknown
from angle_bench.errors import UsageError
from angle_bench.evaluation.scored.scored_errors import means_several
from angle_bench.evaluation.scored.scored_words import called_so, is_glob, reference, sides
from angle_bench.results.find.identity import is_commit
from angle_bench.results.find.stored_models import StoredModel


def with_stored(
    words: Sequence[str],
    read: Callable[[], Sequence[StoredModel]],
    access: LoadOptions,
    *,
    changed: bool = False,
) -> list[ModelRef]:
    """Each word as references to checkpoints, by the words of `compare` and `leaderboard`.

    What names a checkpoint is one. Other words are names, labels and globs of stored models, and
    mean the checkpoints that were scored; `ft=a,b` and `a,b` are several, each under its own label.

    Args:
        words: `[LABEL=]NAME-OR-PATH-OR-GLOB[@REVISION][,…]`.
        read: Gives the stored models; called where a word needs them.
        access: Where checkpoints are looked for.
        changed: Whether settings were typed, under which all of them are run.

    Raises:
        UsageError: Nothing is called so, or several models are; or a model was scored under
            settings that its name does not say, and none were typed.
    """
    refs: dict[ModelRef, None] = {}
    for word in words:
        ref = ModelRef.parse(word)
        several = "," in word and not expand(ref.name).exists()
        if not several and means_a_checkpoint(ref.name, access):
            refs[ref] = None
            continue
        stored = read()
        for label, members in sides(word, stored):
            found = [
                ref for member in members for ref in _of_member(member, stored, access, changed)
            ]
            if label is not None and len(found) == 1:
                found = [ModelRef(found[0].name, label, found[0].revision)]
            refs |= dict.fromkeys(found)
    return [*refs]


def _of_member(
    word: str, stored: Sequence[StoredModel], access: LoadOptions, changed: bool
) -> list[ModelRef]:
    ref = reference(word, stored)
    if means_a_checkpoint(ref.name, access):
        return [ref]
    called = called_so(ref, stored)
    if not called:
        raise unknown(ref.name, [name for each in stored for name in (*each.labels, each.name)])
    own = [model for model in called if model.settings_id is None]
    if not own and not changed:
        raise UsageError(
            f"{called[0].label} was scored under settings that its name does not say.",
            shlex.join(["angle-bench", "run", *called[0].run_words()]),
        )
    found = list(dict.fromkeys(map(_checkpoint, own or called)))
    if len(found) > 1 and not is_glob(word, stored):
        raise means_several(ref, called)
    return found


def _checkpoint(model: StoredModel) -> ModelRef:
    """The checkpoint whose scores are stored, under the label that it had."""
    if model.name.startswith("local/") and model.checkpoint is not None:
        return ModelRef(str(model.checkpoint), model.label)
    if model.served_as is not None:
        return ModelRef(model.served_as, model.label)
    revision = model.revision if is_commit(model.revision) else None
    return ModelRef(model.name, model.label if model.record else None, revision)
