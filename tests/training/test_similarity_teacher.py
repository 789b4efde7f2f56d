"""A candidate takes over the similarities of models that have nothing in common with it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from angle_bench.checkpoints.access import LoadOptions
from angle_bench.errors import AngleBenchError, ModelError, UsageError
from angle_bench.evaluation.run.run_options import StoreOptions
from angle_bench.training.api import train
from angle_bench.training.loop.training_events import TrainingProgress
from angle_bench.training.loss.objectives import similarity_distance
from angle_bench.training.model.grouping import whole
from angle_bench.training.recipe.recipe import Recipe
from angle_bench.training.recipe.starting_point import starting_point
from angle_bench.training.teachers import similarity_teacher
from angle_bench.training.teachers.similarity_teacher import load_similarity_teacher
from angle_bench.training.teachers.teaching import teachings
from tests.checkpoints import (
    WORDS,
    add_sentence_transformers_files,
    build_tiny,
    build_tiny_bert,
    write_rows,
)
from tests.conftest import Cli
from tests.embeddings_server import EmbeddingsServer, of_checkpoint, serving
from tests.training.checkpoint_vectors import ours, theirs
from tests.training.trainings import Seen, assert_same_weights, recipe_of, rows_of, trained

SIMILARITIES = {"compare": "similarities", "weight": 200.0}


def with_other_words(folder: Path) -> Path:
    """The same checkpoint, whose tokenizer has other ids for its words."""
    place = folder / "tokenizer.json"
    said = json.loads(place.read_text())
    words, ids = zip(
        *((w, i) for w, i in said["model"]["vocab"].items() if w in WORDS), strict=True
    )
    said["model"]["vocab"] |= dict(zip(words, reversed(ids), strict=True))
    place.write_text(json.dumps(said))
    return folder


def wide(folder: Path, seed: int = 5) -> Path:
    build_tiny_bert(folder, seed=seed, hidden_size=48)
    return with_other_words(folder)


def decoder(folder: Path) -> Path:
    return with_other_words(build_tiny(folder, "llama", seed=5))


def handed_over(folder: Path) -> Path:
    """What only sentence-transformers computes: two poolings side by side and a prompt."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    transformer = Transformer(str(wide(folder.with_name("plain"))), max_seq_length=32)
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode=("mean", "max"))
    model = SentenceTransformer(modules=[transformer, pooling], device="cpu")
    model.save(str(folder))
    return folder


def recipe(folder: Path, start: Path, teacher: Any, format: str = "B", **more: Any) -> Recipe:
    return recipe_of(
        folder,
        start,
        format,
        **{
            "loss": {"ibn_w": 0.01, "cln_w": 0.0, "angle_w": 0.0},
            "teacher": teacher,
            "train": {"epochs": 8, "learning_rate": 1e-3, "warmup": 0},
            **more,
            "model": {"dropout": 0.0, **more.get("model", {})},
        },
    )


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders of teachers that were loaded since."""
    found: list[str] = []
    load = similarity_teacher.load_forward

    def counting(**order: Any) -> Any:
        found.append(order["folder"])
        torch.rand(1)  # as where a model's files lack some of its weights
        return load(**order)

    monkeypatch.setattr(similarity_teacher, "load_forward", counting)
    return found


def test_the_distance_is_that_of_every_pair() -> None:
    """By loops in float64: L_sim of Zhang et al. (2024)."""
    random = np.random.default_rng(3)
    own, target = random.normal(size=(7, 5)), random.normal(size=(7, 12))

    def cosine(one: Any, other: Any) -> float:
        return float(one @ other / np.sqrt(one @ one) / np.sqrt(other @ other))

    total = 0.0
    for i in range(7):
        for j in range(7):
            total += (cosine(own[i], own[j]) - cosine(target[i], target[j])) ** 2
    vectors = torch.tensor(own, requires_grad=True)
    found = similarity_distance(vectors, torch.tensor(target).double())
    assert found.item() == pytest.approx(total / 49, abs=1e-6)
    found.backward()
    assert vectors.grad is not None
    assert vectors.grad.abs().max() > 0
    # turned and lengthened vectors have the same cosines
    turned = torch.linalg.qr(torch.tensor(random.normal(size=(5, 5))))[0]
    scaled = torch.tensor(own) @ turned * torch.arange(1, 8)[:, None]
    assert float(similarity_distance(torch.tensor(own), scaled)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("build", "format"),
    [(wide, "A"), (wide, "B"), (wide, "C"), (decoder, "B"), (handed_over, "B")],
)
def test_the_distance_falls(
    build: Callable[[Path], Path], format: str, tmp_path: Path, tiny_bert: Path
) -> None:
    teacher = build(tmp_path / "teacher")
    section = {"model": str(teacher), **SIMILARITIES}
    if build is decoder:
        section |= {"pooling": "last", "prompt": "the {text}"}
    asked = recipe(tmp_path, tiny_bert, section, format)
    _, seen = trained(asked, tmp_path / "out")
    taught = [parts["teacher"] for parts in seen.parts]
    assert taught[-1] < 0.7 * taught[0]


@pytest.mark.parametrize("build", [wide, handed_over])
def test_the_first_step_is_that_of_the_two_models(
    build: Callable[[Path], Path], tmp_path: Path, tiny_bert: Path
) -> None:
    """The part that is logged, by vectors of both models from elsewhere."""
    teacher = build(tmp_path / "teacher")
    rows = rows_of("A", 4)
    write_rows(tmp_path / "rows-A.jsonl", rows)
    train = {"batch_size": 4, "max_steps": 1}
    asked = recipe(
        tmp_path, tiny_bert, {"model": str(teacher), "compare": "similarities"}, "A", train=train
    )
    _, seen = trained(asked, tmp_path / "out")
    texts = [row[name] for row in rows for name in ("text1", "text2")]
    from angle_bench.checkpoints.overrides import Overrides

    own = ours(tiny_bert, texts, Overrides(pooling="mean"))
    target = theirs(teacher, texts) if build is handed_over else ours(teacher, texts)
    expected = similarity_distance(torch.from_numpy(own), torch.from_numpy(target))
    assert seen.parts[0]["teacher"] == pytest.approx(float(expected), rel=1e-4)


def test_prompts_are_the_teachers_own_by_role(tmp_path: Path, tiny_bert: Path) -> None:
    """Those of the candidate, and templates that are drawn, are not the teacher's."""
    teacher = wide(tmp_path / "teacher")
    row = tmp_path / "teacher.toml"
    row.write_text(
        f'[[model]]\nname = "own"\npath = "{teacher}"\npooling = "mean"\n[model.prompts.role]\n'
        'query = "one {text}"\ndocument = "two {text}"\n'
    )
    rows = rows_of("C", 3)
    write_rows(tmp_path / "rows-C.jsonl", rows)
    asked = recipe(
        tmp_path,
        tiny_bert,
        {"model": str(row), "compare": "similarities"},
        "C",
        train={"batch_size": 3, "max_steps": 1},
        prompts={"query": "big {text}", "document": "small {text}"},
    )
    _, seen = trained(asked, tmp_path / "out")
    queries = [each["query"] for each in rows]
    from angle_bench.checkpoints.overrides import Overrides

    mean = Overrides(pooling="mean", prompt="none")

    def vectors(model: Path, query: str, document: str) -> torch.Tensor:
        words = [
            f"{query} {each['query']}|{document} {each['positive']}|{document} {each['negative']}"
            for each in rows
        ]
        texts = [text for line in words for text in line.split("|")]
        return torch.from_numpy(ours(model, texts, mean))

    assert len(set(queries)) == 3
    expected = similarity_distance(
        vectors(tiny_bert, "big", "small"), vectors(teacher, "one", "two")
    )
    assert seen.parts[0]["teacher"] == pytest.approx(float(expected), rel=1e-4)


def test_what_is_stored_is_not_computed_again(
    tmp_path: Path, tiny_bert: Path, loads: list[str]
) -> None:
    """Another seed, a resumed training, and one that ends in the same weights to the bit."""
    teacher = wide(tmp_path / "teacher")
    train = {"epochs": 2, "batch_size": 8, "save_steps": 1}
    section = {"model": str(teacher), **SIMILARITIES}
    asked = recipe(tmp_path, tiny_bert, section, train=train, model={"dropout": 0.2})
    kept = StoreOptions(folder=tmp_path / "cache")
    first, seen = trained(asked, tmp_path / "first", store_options=kept)
    assert loads == [str(teacher)]
    again, same = trained(asked, tmp_path / "again", store_options=kept)
    assert seen.losses == same.losses
    assert_same_weights(first.folder, again.folder)
    trained(asked.with_seed(7), tmp_path / "seed", store_options=kept)
    trained(asked, tmp_path / "parts", Seen(stop_after=2), store_options=kept)
    resumed, _ = trained(asked, tmp_path / "parts", resume=True, store_options=kept)
    assert_same_weights(first.folder, resumed.folder)
    assert loads == [str(teacher)]
    trained(asked, tmp_path / "forgotten", store_options=StoreOptions(on=False))
    assert loads == [str(teacher)] * 2
    # what a run would compute is what a training has stored
    half = asked.train.model_copy(update={"precision": "bf16"})
    fresh = StoreOptions(folder=tmp_path / "fresh")
    trained(asked.model_copy(update={"train": half}), tmp_path / "half", store_options=fresh)
    whole, _ = trained(asked, tmp_path / "whole", store_options=fresh)
    assert_same_weights(first.folder, whole.folder)
    assert loads == [str(teacher)] * 3


def test_a_teacher_computes_in_its_own_precision(
    tmp_path: Path, tiny_bert: Path, loads: list[str]
) -> None:
    """Whatever the training computes in, and without its random numbers."""
    asked = recipe(tmp_path, tiny_bert, {"model": str(wide(tmp_path / "teacher")), **SIMILARITIES})
    (taught,) = teachings(asked, starting_point(asked, LoadOptions()), LoadOptions())
    batch = {"input_ids": torch.zeros(1), "texts": ["a dog", "one cat"], "texts_per_row": 2}
    found = []
    for half in (False, True):
        teacher = load_similarity_teacher(taught, None, torch.device("cpu"), TrainingProgress())
        before = torch.random.get_rng_state()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found.append(teacher.of(batch, whole(2, 2)).vectors)
        assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(*found)
    assert len(loads) == 2


def test_several_teachers_have_parts_of_their_own(tmp_path: Path, tiny_bert: Path) -> None:
    build_tiny_bert(tmp_path / "alike", seed=9)
    two = [
        {"model": str(tmp_path / "alike"), "weight": 5.0},
        {"model": str(wide(tmp_path / "teacher")), **SIMILARITIES},
    ]
    done, seen = trained(recipe(tmp_path, tiny_bert, two), tmp_path / "out")
    assert list(seen.parts[0]) == ["ibn", "teacher.0", "teacher.1"]
    assert seen.parts[-1]["teacher.0"] < seen.parts[0]["teacher.0"]
    assert seen.parts[-1]["teacher.1"] < seen.parts[0]["teacher.1"]
    _, alone = trained(recipe(tmp_path, tiny_bert, two[1]), tmp_path / "one")
    assert alone.parts[0]["teacher"] == seen.parts[0]["teacher.1"]
    card = (done.folder / "README.md").read_text()
    assert "teacher.0: alike@" in card
    assert "vectors of texts, with the candidate's prompts, weight 5" in card
    assert "cosines of a batch's texts, with its own prompts, weight 200" in card
    logged = json.loads((done.folder / "training.json").read_text())["log"][0]
    assert {"loss_teacher.0", "loss_teacher.1"} <= set(logged)


def test_a_server_teaches_what_its_checkpoint_does(
    tmp_path: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A teacher behind an endpoint, against the same folder computed here."""
    monkeypatch.setenv("ANGLE_BENCH_CACHE", str(tmp_path / "cache"))
    folder = handed_over(tmp_path / "teacher")
    train = {"max_steps": 4, "learning_rate": 1e-3, "warmup": 0}
    here = recipe(tmp_path, tiny_bert, {"model": str(folder), **SIMILARITIES}, train=train)
    _, expected = trained(here, tmp_path / "here")
    with serving(EmbeddingsServer(of_checkpoint(str(folder)))) as server:
        asked = recipe(tmp_path, tiny_bert, {"model": server.name, **SIMILARITIES}, train=train)
        done, seen = trained(asked, tmp_path / "served")
        assert server.asked
    for mine, its in zip(seen.parts, expected.parts, strict=True):
        assert mine == pytest.approx(its, rel=1e-4)
    assert "teacher: openai:tiny@" in (done.folder / "README.md").read_text()


def test_a_teacher_of_similarities_guides(tmp_path: Path, tiny_bert: Path) -> None:
    """The same model by the candidate's tokens gives the same losses, whatever its weight."""
    build_tiny_bert(tmp_path / "alike", seed=9)
    losses = []
    for compare in ("vectors", "similarities"):
        section = {"model": str(tmp_path / "alike"), "compare": compare, "weight": 0.0}
        asked = recipe(
            tmp_path,
            tiny_bert,
            {**section, "pooling": "mean"},
            loss={"ibn_w": 1.0, "ibn_margin": 0.0, "ibn_guide": "teacher"},
            train={"epochs": 2, "warmup": 0},
        )
        _, seen = trained(asked, tmp_path / compare)
        losses.append(seen.losses)
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    plain = recipe(tmp_path, tiny_bert, None, loss={"ibn_w": 1.0}, train={"epochs": 2, "warmup": 0})
    assert trained(plain, tmp_path / "plain")[1].losses[0] > losses[0][0] + 1e-3


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"compare": "similarities", "tokens": "all"}, "vectors of tokens"),
        ({"compare": "similarities", "temperature": 2.0}, 'temperature is of compare = "vectors"'),
        ({"compare": "similarities", "pooling": "all"}, "a vector of every token"),
        ({"prompt": "none"}, 'prompt is of compare = "similarities"'),
        ({"compare": "cosines"}, "'vectors' or 'similarities'"),
    ],
)
def test_settings_of_one_way_are_refused_with_the_other(
    section: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        recipe(tmp_path, tmp_path, {"model": "self", **section})


def test_what_cannot_teach_is_refused_by_name(tmp_path: Path, tiny_bert: Path) -> None:
    """Before anything is written, with what to type."""

    def refused(teacher: Any) -> AngleBenchError:
        with pytest.raises(AngleBenchError) as raised:
            trained(recipe(tmp_path, tiny_bert, teacher), tmp_path / "out")
        return raised.value

    error = refused({"model": str(handed_over(tmp_path / "pooled"))})
    assert isinstance(error, ModelError)
    assert "pooled is loaded by sentence-transformers" in error.what
    assert error.fix == "--set teacher.compare=similarities"
    error = refused([{"model": "self"}, {"model": "no-such-model", "compare": "similarities"}])
    assert "no-such-model" in error.what
    row = tmp_path / "asks.toml"
    row.write_text(
        f'[[model]]\nname = "own"\npath = "{tiny_bert}"\npooling = "mean"\n[model.prompts.role]\n'
        'query = "{instruction} {text}"\n'
    )
    error = refused({"model": str(row), "compare": "similarities"})
    assert isinstance(error, UsageError)
    assert "wants the instruction of a task" in error.what
    assert error.fix.startswith("--set 'teacher.prompt=")
    error = refused({"model": str(decoder(tmp_path / "bare")), "compare": "similarities"})
    assert "language model without recorded pooling or prompt" in error.what
    assert error.fix == "--set teacher.pooling=last --set teacher.prompt=A"
    error = refused({"model": "mongodb/voyage-3", "compare": "similarities"})
    assert "loaded by mteb itself, and cannot teach" in error.what
    assert not (tmp_path / "out").exists()
    error = refused([{"model": "self"}, {"model": str(wide(tmp_path / "wide"))}])
    assert "another tokenizer" in error.what
    assert error.fix.startswith("--set teacher.1.compare=similarities")
    build_tiny_bert(tmp_path / "narrow", hidden_size=16)
    error = refused({"model": str(tmp_path / "narrow")})
    assert error.fix == "--set teacher.compare=similarities"


def test_a_candidate_that_keeps_some_dimensions_teaches_itself(
    tmp_path: Path, tiny_bert: Path
) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(tiny_bert, cut)
    add_sentence_transformers_files(cut, normalize=False)
    place = cut / "config_sentence_transformers.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"truncate_dim": 16}))
    for compare in ("vectors", "similarities"):
        asked = recipe(tmp_path, cut, {"model": "self", "compare": compare}, train={"max_steps": 1})
        _, seen = trained(asked, tmp_path / compare)
        assert seen.parts[0]["teacher"] == pytest.approx(0, abs=1e-5)


def test_a_dry_run_says_who_teaches_what(cli: Cli, tmp_path: Path, tiny_bert: Path) -> None:
    teacher = wide(tmp_path / "teacher")
    write_rows(tmp_path / "rows.jsonl", rows_of("B"))
    place = tmp_path / "r.toml"
    place.write_text(
        f'[model]\nname = "{tiny_bert}"\npooling = "mean"\n[[data.train]]\npath = "rows.jsonl"\n'
        "[train]\nbatch_size = 8\n[loss]\nibn_margin = 0\nibn_guide = 'teacher'\n"
        f'[[teacher]]\nmodel = "self"\n[[teacher]]\nmodel = "{teacher}"\n'
        'compare = "similarities"\n'
    )
    ended = cli("train", place, "-n")
    assert (ended.code, ended.errors) == (0, [])
    assert "teacher.0: " in ended.err
    assert "weight 1; guides in-batch negatives" in ended.err
    assert "teacher.1: teacher@" in ended.err
    assert "cosines of a batch's texts, with its own prompts" in ended.err
    assert "of it the teachers' where nothing of them is stored" in ended.err
    said = json.loads(cli("train", place, "-n", "--json").out)
    assert [each.partition(":")[0] for each in said["teachers"]] == ["teacher.0", "teacher.1"]
    ended = cli("train", place, "-n", "--set", "teacher.1.compare=vectors")
    assert ended.code == 1
    assert "another tokenizer" in ended.errors[0]
    assert "--set teacher.1.compare=similarities" in ended.errors[1]
    cached = tmp_path / "cache"
    words = ["--set", "select.suite=''", "-d", "cpu", "-o", "out", "--cache-dir", cached]
    assert cli("train", place, *words).code == 0
    assert (cached / "vectors").is_dir()
    (tmp_path / "file").touch()
    ended = cli("train", place, "-o", "more", "--cache-dir", tmp_path / "file")
    assert ended.code == 2
    assert "is a file" in ended.errors[0]


def test_only_some_teachers_need_texts(tmp_path: Path, tiny_bert: Path) -> None:
    assert not recipe(tmp_path, tiny_bert, {"model": "self"}).teaches_texts
    asked = recipe(tmp_path, tiny_bert, [{"model": "self"}, {"model": "self", **SIMILARITIES}])
    assert asked.teaches_texts
    assert list(asked.teachers) == ["teacher.0", "teacher.1"]


def test_from_python(tmp_path: Path, tiny_bert: Path) -> None:
    """A section or a list of them; the store is where it is asked for."""
    section = {"model": str(wide(tmp_path / "teacher")), "compare": "similarities"}
    given: dict[str, Any] = {
        "device": "cpu",
        "model": {"pooling": "mean"},
        "select": {"suite": ""},
        "train": {"max_steps": 1, "batch_size": 8},
        "cache_dir": tmp_path / "cache",
    }
    train(tiny_bert, rows_of("B"), output=tmp_path / "one", teacher=[section], **given)
    assert (tmp_path / "cache/vectors").is_dir()
    wrong = {**section, "wight": 1}
    for teacher, key in ((wrong, "teacher.wight"), ([section, wrong], "teacher.1.wight")):
        with pytest.raises(UsageError, match=f"^{key}: "):
            train(tiny_bert, rows_of("B"), output=tmp_path / "two", teacher=teacher, **given)
    vectors = {"model": section["model"]}
    with pytest.raises(ModelError) as raised:
        train(tiny_bert, rows_of("B"), output=tmp_path / "three", teacher=vectors, **given)
    assert raised.value.fix.startswith('teacher={"compare": "similarities"}')
