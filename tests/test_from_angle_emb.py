"""Coming from angle-emb: its commands, files, flags, models and formats each have a row that runs.

The lists are facts of angle-emb 0.6.1 and of its repository, read in November 2026.
"""

import os
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import pytest

from angle_bench.checkpoints.registry.registry import find
from angle_bench.files.places import tasks_folder
from tests.checkpoints import build_lora, build_tiny, sts_rows, write_rows
from tests.conftest import Cli, Command
from tests.mirrors import texts
from tests.result_files import put
from tests.test_guide import DOCS, commands_of, named_toml, parse, table_rows
from tests.training.trainings import dev_mirror, rows_of
from tests.upload_hub import UploadHub

PAGE = DOCS / "guide/from-angle-emb.md"
LEFT_OUT = "left out"

# its repository, without its package's inner files, tests, docs and settings of tools
FILES = """
README_ESE.md README_2DMSE.md angle_emb/angle_trainer.py angle_emb/train_cli.py train_angle.py
eval.py push_model.py data/download_data.sh SentEval/data/downstream/download_dataset.sh
examples/NLI/train_nli.py examples/NLI/eval_nli.py examples/NLI/eval_ese_nli.py
examples/UAE/run_eval_mteb.py examples/UAE/emb_model.py examples/UAE/compute_scores.py
examples/UAE/train.py examples/multigpu_infer.py examples/Training/bert.sh
examples/Training/bert_fsdp.sh examples/Training/modernbert.sh examples/Training/modernbert_fsdp.sh
examples/Training/qwen_fsdp.sh examples/FSDP/fsdp_config.yaml examples/Angle-ATEC.ipynb
examples/Angle-BQ.ipynb examples/Angle-LCQMC.ipynb examples/Angle-PAWSX.ipynb
scripts/convert_to_sentence_transformer.py scripts/push_bert_model.py scripts/push_llm_model.py
"""

# `add_argument` of angle_emb/angle_trainer.py
FLAGS = """
model_name_or_path load_mlm_model tokenizer_name_or_path pretrained_model_path pretrained_lora_path
column_rename_mapping train_name_or_path train_subset_name train_split_name valid_name_or_path
valid_subset_name valid_split_name valid_name_or_path_for_callback valid_subset_name_for_callback
valid_split_name_for_callback text_prompt query_prompt doc_prompt filter_duplicate save_dir seed
dataset_seed workers cosine_w ibn_w cln_w angle_w angle_tau cosine_tau ibn_tau apply_lora load_kbit
lora_r lora_alpha lora_dropout lora_target_modules learning_rate warmup_steps logging_steps
pooling_strategy epochs max_steps save_steps save_total_limit save_strategy eval_steps eval_strategy
batch_size maxlen streaming gradient_accumulation_steps torch_dtype fp16 bf16 push_to_hub
hub_private_repo hub_model_id tokenizer_padding tokenizer_padding_side is_llm apply_billm
billm_model_class apply_ese ese_kl_temperature ese_compression_size teacher_name_or_path
teacher_pooling_strategy wandb_project wandb_log_model gradient_checkpointing use_reentrant
"""
BEFORE = """
w1 w2 w3 prompt_template end_with_eos fixed_teacher_name_or_path fix_data coword_random_mask_rate
"""

# of the tables in its README, examples/NLI/README.md and README_zh.md, and of the README's code
MODELS = {
    "WhereIsAI/UAE-Large-V1": "cls",
    "WhereIsAI/UAE-Code-Large-V1": "cls",
    "WhereIsAI/pubmed-angle-base-en": "cls",
    "WhereIsAI/pubmed-angle-large-en": "cls",
    "SeanLee97/angle-llama-13b-nli": "last",
    "SeanLee97/angle-llama-7b-nli-v2": "last",
    "SeanLee97/angle-llama-7b-nli-20231027": "last",
    "SeanLee97/bellm-llama-7b-nli": "last",
    "SeanLee97/angle-bert-base-uncased-nli-en-v1": "cls_avg",
    "SeanLee97/angle-roberta-wwm-base-zhnli-v1": "cls",
    "SeanLee97/angle-llama-7b-zhnli-v1": "last",
    "mixedbread-ai/mxbai-embed-large-v1": "cls",
    "mixedbread-ai/mxbai-embed-2d-large-v1": "cls",
}
FORMATS = {
    "0.5": {"text1, text2, label", "text, positive, negative", "text, positive"},
    "0.6": {"text1, text2, label", "query, positive, negative", "query, positive"},
}


def rows(heading: str) -> list[list[str]]:
    """The rows of the tables under a heading."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return table_rows(found[1])


def test_every_file_of_its_repository_has_a_row() -> None:
    theirs = [row[0] for row in rows("Commands and scripts")]
    for file in FILES.split():
        name = re.escape(file.removeprefix("examples/NLI/"))
        assert any(re.search(rf"(?<![\w-]){name}(?![\w-])", cell) for cell in theirs), file


def test_every_flag_has_a_row() -> None:
    assert [row[0] for row in rows("Flags of angle-trainer")].count("seed") == 1
    assert {row[0] for row in rows("Flags of angle-trainer")} == {*FLAGS.split(), *BEFORE.split()}


def test_the_list_of_flags_is_that_of_the_package() -> None:
    """Where angle-emb is installed: it pins other versions, so that it rarely is."""
    found = find_spec("angle_emb")
    if found is None or found.origin is None:
        pytest.skip("angle-emb is not installed here; the list is that of angle-emb 0.6.1")
    source = Path(found.origin).with_name("angle_trainer.py").read_text(encoding="utf-8")
    assert re.findall(r"add_argument\('--(\w+)'", source) == FLAGS.split()


def test_every_model_has_a_row_and_a_pooling() -> None:
    told = {re.split(r"[ ,]", row[0])[0]: row[1] for row in rows("Models")}
    assert set(told) == set(MODELS)
    for name, pooling in MODELS.items():
        entry = find(name)
        assert entry is not None
        assert entry.pooling == pooling
        assert f"-m {name.partition('/')[2]} " in told[name]


def test_every_format_has_a_row() -> None:
    cells = [[re.findall("`(.+?)`", cell) for cell in row[1:]] for row in rows("Formats")]
    for at, columns in enumerate(FORMATS.values()):
        assert {name for row in cells for name in row[at]} == columns


def test_no_cell_is_empty_and_what_is_left_out_says_why() -> None:
    for heading in ("Commands and scripts", "Flags of angle-trainer", "Models", "Formats"):
        for row in rows(heading):
            assert all(row), row
            assert LEFT_OUT not in row[1] or len(row[1] + "".join(row[2:])) > 25, row
            commands = re.findall("`angle-bench [^`]+`", row[1])
            if heading in ("Commands and scripts", "Models") and "pip install" not in row[0]:
                assert (len(commands) == 1) != row[1].startswith(LEFT_OUT), row


# --- every line runs, on tiny checkpoints under the names of the page ---

# what a machine without GPUs cannot do, and sizes of models that are too large for a test
HERE = (
    ("-d cuda:0,cuda:1,cuda:2,cuda:3", "-d cpu:2"),
    ("-d cuda:0", "-d cpu"),
    ("--processes 4", "--processes 2"),
    ("--layers 6,12 --sizes 128,768", "--layers 1,2 --sizes 8,32"),
    ("--layers 22 --sizes 768", "--layers 2 --sizes 16"),
    ("--start 64 --size 128", "--start 4 --size 8"),
    ("train nli-llama-lora", "train nli-llama-lora.toml"),  # without quantization
    ("--to adapter -o pushed", "--to merged -o pushed"),  # its base is on this machine alone
    ("train nli-billm", "train nli-billm.toml"),
)
SHORT = {  # a training of two steps
    "train.max_steps": "2",
    "train.batch_size": "4",
    "train.accumulation": "1",
    "train.save_steps": "1",
    "train.warmup": "0",
    "train.precision": "float32",
    "model.max_length": "32",
}
FULL = "MTEB(eng, v1)"  # 56 tasks: what a run would do, no more
ENCODERS = ("google-bert/bert-base-uncased", "hfl/chinese-roberta-wwm-ext")
LLAMAS = {"7b": "NousResearch/Llama-2-7b-hf", "13b": "NousResearch/Llama-2-13b-hf"}
STS_DATA = (
    *(f"mteb/sts{year}-sts" for year in range(12, 17)),
    *("mteb/stsbenchmark-sts", "mteb/sickr-sts", "mteb/biosses-sts"),
    *("mteb/sts17-crosslingual-sts/en-en", "mteb/sts22-crosslingual-sts/en"),
    *("C-MTEB/ATEC", "C-MTEB/BQ", "C-MTEB/LCQMC", "C-MTEB/PAWSX", "mteb/PAWSX", "mteb/STSB"),
)


def counterparts() -> list[str]:
    """Every line of the page's tables of commands and models, in their order, each once."""
    return list(dict.fromkeys(commands_of([*rows("Commands and scripts"), *rows("Models")])))


def _deep(folder: Path, architecture: str) -> Path:
    """A tiny model with as many layers as the registry's settings speak of, and long texts."""
    import torch
    import transformers

    build_tiny(folder, architecture, head=True)
    config = transformers.AutoConfig.from_pretrained(folder)
    config.num_hidden_layers = 32
    config.max_position_embeddings = 512
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).eval().save_pretrained(folder)
    return folder


def _models(mirror: Path) -> None:
    from tests.checkpoints import build_tiny_bert

    bases = {name: _deep(mirror / name, "llama") for name in LLAMAS.values()}
    for name, pooling in MODELS.items():
        if pooling == "last":
            base = bases[LLAMAS["13b" if "13b" in name else "7b"]]
            build_lora(mirror / name, base, head=True)
        else:
            build_tiny_bert(mirror / name, max_position_embeddings=512)
    for name in (*ENCODERS, "SeanLee97/2dmse-bert-base-nli-v1"):
        build_tiny_bert(mirror / name, max_position_embeddings=512)
    build_tiny(mirror / "answerdotai/ModernBERT-base", "modernbert", head=True)
    build_tiny(mirror / "Qwen/Qwen3-0.6B", "qwen3", head=True)


def _data(mirror: Path) -> None:
    dev_mirror(mirror)
    for name in STS_DATA:
        write_rows(mirror / name / "test.jsonl", sts_rows(12, seed=len(name)))
    pairs = [
        {"sentence1": row["text1"], "sentence2": row["text2"], "score": row["label"]}
        for row in rows_of("A")
    ]
    old_triplets = [{"text": row.pop("query"), **row} for row in rows_of("C")]
    trained = {
        "mteb/stsbenchmark-sts": sts_rows(24),
        "SeanLee97/all_nli_angle_format_a": rows_of("A"),
        "SeanLee97/all_nli_angle_format_b": old_triplets,
        "SeanLee97/nli_for_simcse": old_triplets,
        "SetFit/mrpc": rows_of("A"),
        "shibing624/nli-zh-all": rows_of("A"),
        **{f"C-MTEB/{name}": pairs for name in ("ATEC", "BQ", "LCQMC", "PAWSX")},
    }
    for name, each in trained.items():
        write_rows(mirror / name / "train.jsonl", each)
    _senteval(mirror / "senteval")


def _senteval(folder: Path) -> None:
    sick = [{**row, "entailment": number % 3} for number, row in enumerate(sts_rows(36))]
    two = [
        {"sentence1": row["sentence1"], "sentence2": row["sentence2"], "label": number % 2}
        for number, row in enumerate(sick)
    ]
    one = [{"text": text, "label": number % 2} for number, text in enumerate(texts(40))]
    for name in ("mr", "cr", "subj", "mpqa"):
        write_rows(folder / name / "all.jsonl", one)
    for name, each in {"sst2": one, "trec": one, "mrpc": two, "sick": sick}.items():
        for split in ("train", "validation", "test"):
            write_rows(folder / name / f"{split}.jsonl", each)


@pytest.fixture(scope="module")
def seed_mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models and data that the page names, each tiny."""
    mirror = tmp_path_factory.mktemp("seed")
    _models(mirror)
    _data(mirror)
    return mirror


@pytest.fixture
def at_the_page(
    seed_mirror: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> Cli:
    """The command line in a folder with the page's recipes and rows, and the mirror."""
    monkeypatch.setenv("ANGLE_BENCH_MIRROR", str(seed_mirror))
    for name, (block,) in named_toml(PAGE).items():
        Path(name).write_text(block, encoding="utf-8")
    for name in ("nli-llama-lora.toml", "nli-billm.toml"):
        recipe = (tasks_folder() / "recipes" / name).read_text(encoding="utf-8")
        Path(name).write_text(recipe.replace('quantization = "4bit"\n', ""), encoding="utf-8")
    write_rows(Path("pairs.jsonl"), rows_of("A"))
    write_rows(Path("positives.jsonl"), rows_of("B"))
    old = [{"text": row.pop("query"), **row} for row in rows_of("C")]
    write_rows(Path("triplets.jsonl"), old)
    Path("texts.txt").write_text("\n".join(texts(5)), encoding="utf-8")
    folder = tmp_path / "en_results/WhereIsAI__UAE-Large-V1/no_revision_available"
    for task in ("STS12", "STS13"):
        put(folder, task, 0.75)
    return cli


def here(command: str) -> list[str]:
    """The words of a line for a machine without GPUs; a training is short."""
    for theirs, ours in HERE:
        command = command.replace(theirs, ours)
    words = shlex.split(command)[1:]
    if words[0] == "train" and "--help" not in words:
        for key, value in SHORT.items():
            words += ["--set", f"{key}={value}"]
        if "ese-uae" in words:
            words += ["--set", "espresso.size=8"]
        if "-d" not in words:
            words += ["-d", "cpu"]
    return words


def test_every_line_can_be_typed() -> None:
    lines = counterparts()
    assert len(lines) > 50
    for line in lines:
        parse(line)


@pytest.mark.long
def test_every_recipe_and_suite_is_understood(at_the_page: Cli) -> None:
    """What is trained and run, on which rows, as far as that goes without computing."""
    asked = 0
    for line in counterparts():
        words = here(line)
        later = "--help" in words or any(word.startswith("ckpts/") for word in words[2:4])
        if words[0] in ("train", "run") and not later:
            ended = at_the_page(*words, "-n")
            assert ended.code == 0, f"{line}\n{ended.err}"
            asked += 1
    assert asked > 20


@pytest.mark.process
@pytest.mark.long
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_line_runs(at_the_page: Cli, angle_bench: Command, tmp_path: Path) -> None:
    """In the order of the page, in one folder; what is pushed goes to a hub of the test's own."""
    failed = []
    for line in counterparts():
        words = here(line)
        if FULL in words and words[0] == "run":
            words.append("-n")  # 56 tasks
        if "--push-to-hub" in words:
            with UploadHub() as hub:
                env = hub.env(tmp_path / "home") | {"HF_TOKEN": "hf_test"}
                env["ANGLE_BENCH_MIRROR"] = os.environ["ANGLE_BENCH_MIRROR"]
                done = angle_bench(*words, env=env)
                said, code = done.stderr, done.returncode if hub.files else -1
        else:
            with patch.dict(os.environ):  # a training with --fsdp leaves its own
                ended = at_the_page(*words)
            said, code = ended.err, ended.code
        if code:
            failed.append(f"{line}\n{shlex.join(words)}\n{said[-600:]}")
    assert not failed, "\n\n".join(failed)
