"""What libraries do not document is named in one module each, and is there as it is used."""

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mteb
import pytest
import torch
from mteb.abstasks import AbsTask, AbsTaskClassification, AbsTaskClustering, AbsTaskSummarization
from mteb.models import SearchEncoderWrapper
from transformers import Trainer, TrainingArguments

from angle_bench.checkpoints.loading import torch_internals
from angle_bench.evaluation import mteb_internals
from angle_bench.evaluation.scoring.corpus_search import CorpusSearch
from angle_bench.evaluation.user_tasks.linear_probe import LinearProbe
from angle_bench.evaluation.user_tasks.task_types import OwnData, OwnRetrieval
from angle_bench.training.loop.trainer import AngleTrainer
from tests.test_imports import MODULES, PACKAGE
from tools import mteb_registry

TOOLS = sorted((PACKAGE.parent / "tools").glob("*.py"))
HOMES = {
    PACKAGE / "evaluation" / "mteb_internals.py",
    PACKAGE / "checkpoints" / "loading" / "torch_internals.py",
    PACKAGE / "encoding" / "workers" / "ray" / "connection.py",  # ray's, and nothing of others
    PACKAGE.parent / "tools" / "mteb_registry.py",
}
# without `_`, and in no library's documentation
UNDOCUMENTED = {"model_implementations", "MODEL_REGISTRY"}
# with `_`, and documented: of named tuples and of `os`
DOCUMENTED = {"_asdict", "_replace", "_fields", "_exit"}
# methods that ours replace; each library calls its own by these names
OVERRIDDEN = [
    (OwnData, AbsTask, "_calculate_descriptive_statistics_from_split"),
    (OwnRetrieval, AbsTask, "_calculate_descriptive_statistics_from_split"),
    (LinearProbe, AbsTask, "_evaluate_subset"),
    (CorpusSearch, SearchEncoderWrapper, "_full_corpus_search"),
    (AngleTrainer, Trainer, "_get_train_sampler"),
    (AngleTrainer, Trainer, "_load_from_checkpoint"),
    (AngleTrainer, Trainer, "_load_optimizer_and_scheduler"),
    (AngleTrainer, Trainer, "_save_checkpoint"),
]


def private(name: object) -> bool:
    text = str(name)
    hidden = text.startswith("_") and not text.startswith("__") and text != "_"
    return (hidden and text not in DOCUMENTED) or text in UNDOCUMENTED


def read_at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, without what only type checkers read."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield from read_at_run_time(child)


def own_names(trees: list[ast.Module]) -> set[str]:
    """The names that these modules define themselves."""
    names: set[str] = set()
    for node in (each for tree in trees for each in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and ast.unparse(node.value) in ("self", "cls")
        ):
            names.add(node.attr)
    return names - {name for _, _, name in OVERRIDDEN}


def foreign(tree: ast.Module, own: set[str]) -> set[str]:
    """The undocumented names of libraries that a module uses."""
    found: set[str] = set()
    for node in read_at_run_time(tree):
        if isinstance(node, ast.ImportFrom) and not str(node.module).startswith("angle_bench"):
            found |= {part for part in str(node.module).split(".") if private(part)}
            found |= {alias.name for alias in node.names if private(alias.name)}
        elif isinstance(node, ast.Import):
            found |= {part for each in node.names for part in each.name.split(".") if private(part)}
        elif isinstance(node, ast.Attribute) and private(node.attr) and node.attr not in own:
            if ast.unparse(node.value) != "super()":
                found.add(node.attr)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
            *("getattr", "setattr", "hasattr", "delattr", "import_module"),
        ):
            words = [each.value for each in node.args if isinstance(each, ast.Constant)]
            parts = {part for word in words for part in str(word).split(".")}
            found |= {part for part in parts if private(part)} - own
    return found


def test_one_module_names_what_a_library_does_not_document() -> None:
    trees = {place: ast.parse(place.read_text(encoding="utf-8")) for place in (*MODULES, *TOOLS)}
    own = own_names(list(trees.values()))
    found = {place: names for place, tree in trees.items() if (names := foreign(tree, own))}
    assert set(found) == HOMES, {str(place): found.get(place) for place in set(found) ^ HOMES}


@pytest.mark.parametrize(
    "line",
    [
        "from mteb._evaluators import mrr",
        "from mteb.abstasks.abstask import _multilabel_subsampling",
        "import ray._private",
        "from mteb.models.model_implementations import MODELS",
        "model.config._attn_implementation",
        "getattr(model, '_no_split_modules', None)",
    ],
)
def test_such_a_name_is_seen(line: str) -> None:
    assert foreign(ast.parse(line), set())


def test_of_ray_its_constants_alone() -> None:
    place = PACKAGE / "encoding" / "workers" / "ray" / "connection.py"
    tree = ast.parse(place.read_text(encoding="utf-8"))
    assert foreign(tree, own_names([tree])) == {"_private"}


def takes(method: Callable[..., Any], *positional: Any, **named: Any) -> None:
    """A method of a class takes these arguments."""
    inspect.signature(method).bind(None, *positional, **named)


def test_mteb_has_the_methods_that_are_called() -> None:
    takes(AbsTask._calculate_descriptive_statistics_from_split, "test", hf_subset=None)
    takes(AbsTask._save_task_predictions, [], None, Path(), "test", "default")
    takes(AbsTaskClassification._calculate_scores, [0], [0])
    takes(AbsTaskClassification._calculate_avg_scores, [])
    takes(AbsTaskSummarization.evaluator._calculate_metrics, {})
    assert "_evaluate_subset" in vars(AbsTaskClustering)


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    OVERRIDDEN,
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_ours_take_what_the_library_gives_them(
    ours: type[Any], theirs: type[Any], name: str
) -> None:
    assert issubclass(ours, theirs)
    assert name in vars(ours)
    given = inspect.signature(getattr(theirs, name)).parameters.values()
    own = inspect.signature(vars(ours)[name]).parameters
    rest = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in own.values())
    lacking = [
        each.name for each in given if each.name not in own and each.kind is not each.VAR_KEYWORD
    ]
    assert rest or lacking == []


def test_mteb_computes_what_is_replaced_within_alone() -> None:
    from mteb._evaluators import retrieval_metrics

    before, heard = retrieval_metrics.calculate_pmrr, []

    def by(compute: mteb_internals.Pmrr) -> mteb_internals.Pmrr:
        def listening(*runs: Any) -> float:
            heard.append(runs)
            return compute(*runs)

        return listening

    with mteb_internals.pmrr_replaced(by):
        # as mteb's own evaluation looks it up
        ranks = {"q-og": {"a": 2.0, "b": 1.0}}, {"q-changed": {"a": 1.0, "b": 2.0}}
        value = retrieval_metrics.evaluate_p_mrr_change.__globals__["calculate_pmrr"](
            *ranks, {"q": ["a"]}
        )
    assert heard == [(*ranks, {"q": ["a"]})]
    assert value == before(*ranks, {"q": ["a"]}) != 0
    assert retrieval_metrics.calculate_pmrr is before


def test_mteb_s_registries_are_what_its_functions_read() -> None:
    metas = {meta.name for meta in mteb.get_model_metas()}
    assert metas <= set(mteb_registry.MODELS)
    names = {task.metadata.name for task in mteb.get_tasks(exclude_superseded=False)}
    assert names <= set(mteb_registry.TASKS)
    assert len(metas) > 100
    assert len(names) > 500
    old, new = next(iter(mteb_registry.MODEL_RENAMES.items()))
    with pytest.warns(DeprecationWarning, match="has been renamed"):
        assert mteb.get_model_meta(old).name == new
    assert mteb_registry.SIMILAR_TASKS.keys() & names


def test_torch_and_transformers_have_what_is_used(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=8,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
    )
    config._attn_implementation = "eager"
    model = BertModel(config)
    assert torch_internals.attention_of(model) == "eager"
    classes = {type(module).__name__ for module in model.modules()}
    assert torch_internals.unsplit_classes(model) & classes
    assert torch_internals.unsplit_classes(torch.nn.Linear(1, 1)) == set()
    layer = torch.nn.Linear(1, 1)
    layer.register_forward_hook(lambda *_: None)
    layer.register_forward_hook(lambda *_: None)
    layer.register_forward_pre_hook(lambda *_: None)
    assert torch_internals.hook_counts(layer) == (2, 1)
    arguments = TrainingArguments(tmp_path, use_cpu=True, report_to=[])
    arguments._n_gpu = 4
    torch_internals.use_one_device(arguments)
    assert arguments.n_gpu <= 1
    assert isinstance(torch.nn.Dropout(0.1), torch_internals.DROPOUTS)


def test_a_trainer_has_what_ours_calls(tmp_path: Path) -> None:
    arguments = TrainingArguments(tmp_path, use_cpu=True, report_to=[])
    trainer = Trainer(torch.nn.Linear(1, 1), arguments)
    batch = torch_internals.on_device(trainer, {"x": torch.ones(2)})
    assert batch["x"].device == trainer.args.device
    torch_internals.save_scaler(trainer, str(tmp_path))
    assert list(tmp_path.iterdir()) == []  # there is none on a CPU
    torch_internals.save_random_state(trainer, str(tmp_path))
    assert [place.name for place in tmp_path.iterdir()] == ["rng_state.pth"]
