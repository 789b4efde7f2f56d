"""How scores were measured, in words that the run records bear out."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import bibtexparser
import pytest
from bibtexparser.bparser import BibTexParser

import angle_bench as ab
from tests.conftest import Cli
from tests.reporting.paper.latex_engines import need
from tests.result_files import put, put_record, write
from tests.stored import Pairs, Results

SETTINGS: dict[str, Any] = {
    "pooling": "cls",
    "normalize": True,
    "prompts": {},
    "max_length": 512,
    "dtype": "float16",
}


def read(text: str) -> list[str]:
    """The keys of what a BibTeX parser reads."""
    parser = BibTexParser(common_strings=True, ignore_nonstandard_types=False)
    return [entry["ID"] for entry in bibtexparser.loads(text, parser).entries]


def store(root: Path, name: str, tasks: dict[str, Any], **changes: Any) -> None:
    """Results of ours; each task with the prompts that it was given."""
    folder = root / name.replace("/", "__") / "abcdef12"
    for task, prompts in tasks.items():
        put(folder, task, 0.5)
        model = {"name": name, "revision": "abcdef12", "settings": SETTINGS | changes}
        place = put_record(folder, task, model, origin="hub")
        record = json.loads(place.read_text())
        record |= {"prompts": prompts, "device": "cuda:0", "versions": {"torch": "2.9"}}
        write(place, record)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "results"


def test_everything_that_changes_a_score_is_said(root: Path) -> None:
    store(root, "org/a_1", {"STS12": {"text": 'Say "{text}"'}, "STS13": {"text": 'Say "{text}"'}})
    said = ab.cite("a_1", tasks="STS12,STS13", results=root).paragraph("markdown")
    for part in (
        "the mean over tasks of STS12+STS13",
        "a_1 is org/a_1, revision `abcdef12`, cls pooling, normalised vectors, at most 512 tokens",
        'float16, the prompt `Say "{text}"`.',
        "cosine_spearman",
        "Scores are by mteb 2.0.0 [@muennighoff2022mteb; @enevoldsen2025",
        "vectors were computed on cuda:0 with torch 2.9",
        "Data is from the Hugging Face hub.",
    ):
        assert part in said


def test_a_run_s_own_record_is_what_is_said(root: Path) -> None:
    pairs = Pairs("STS12")
    for seed, name in enumerate(("ft-1", "ft-2")):
        Results(root).put(f"local/{name}", "STS12", pairs.part(pairs.scores(0.1, seed)))
    said = ab.cite("ft=ft-1,ft-2", tasks="STS12", results=root)
    assert "ft is the mean over 2 seeds of one recipe (local/ft-1, content" in said.paragraph()
    (group,) = said.to_dict()["models"]
    revisions = [one["revisions"] for one in group["checkpoints"]]
    assert [len(each) for each in revisions] == [1, 1]
    assert all(f"\\texttt{{{each[0]}}}" in said.paragraph() for each in revisions)


def test_prompts_by_role_and_by_task(root: Path) -> None:
    store(root, "org/roles", {"STS12": {"query": "Q: {text}", "document": ""}})
    assert "for query the prompt `Q: {text}`" in ab.cite(
        "roles", tasks="STS12", results=root
    ).paragraph("markdown")
    each = {f"STS1{at}": {"text": f"{at} {{text}}"} for at in range(2, 7)}
    store(root, "org/instructed", each)
    said = ab.cite("instructed", tasks=[*each], results=root).paragraph("markdown")
    assert "a prompt of each task's own, such as for STS12 the prompt `2 {text}`" in said
    two = ab.cite("instructed", tasks="STS12,STS13", results=root).paragraph("markdown")
    assert "on STS12 cls pooling" in two
    assert "; on STS13 cls pooling" in two


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layer": 4, "size": 64}, "layer 4, the first 64 dimensions"),
        ({"bidirectional_start": 0}, "bidirectional attention from layer 0"),
        ({"quantization": "4bit"}, "4bit weights"),
        ({"attention": "eager"}, "eager attention"),
        ({"normalize": False}, "vectors not normalised"),
    ],
)
def test_special_settings_are_said(root: Path, changes: dict[str, Any], said: str) -> None:
    store(root, "org/a", {"STS12": {"text": ""}}, **changes)
    text = ab.cite("a", tasks="STS12", results=root).paragraph()
    assert said in text
    assert "no prompt" in text


def test_what_is_not_recorded_is_said_to_be_so(root: Path) -> None:
    put(root / "org__b" / "external", "STS12", 0.5, version=None)
    put(root / "org__b" / "0123abcd", "STS13", 0.5, version="1.18.0")
    found = ab.cite("b", tasks="STS12,STS13", results=root)
    said = found.paragraph("markdown")
    assert "settings that are not recorded, prompts not recorded" in said
    assert "some of whose scores stand on the model card, without a revision" in said
    assert "revision `0123abcd`" in said


@pytest.mark.filterwarnings("ignore")
def test_what_is_missing_is_said(root: Path) -> None:
    store(root, "org/a", {"STS12": {"text": ""}})
    assert "not measured: STS13." in ab.cite("a", tasks="STS12,STS13", results=root).paragraph()
    with pytest.raises(ab.AngleBenchError, match="score of STS13"):
        ab.cite("a", tasks="STS13", results=root)
    with pytest.raises(ab.AngleBenchError, match="no model is named"):
        ab.cite(results=root)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_cited_is_in_the_bibtex_and_nothing_else(root: Path) -> None:
    store(root, "org/a", {"STS12": {"text": ""}})
    found = ab.cite("a", tasks="MTEB(eng, v2)", results=root)
    assert read(found.bibtex) == list(found.keys)
    cited = re.findall(r"\\citep\{([^}]*)\}", found.paragraph())
    assert list(dict.fromkeys(",".join(cited).split(","))) == list(found.keys)
    markdown = re.findall(r"@([^\s;\]`]+)", found.paragraph("markdown"))
    assert set(markdown) == set(found.keys)


@pytest.mark.filterwarnings("ignore")
def test_an_own_task_cites_nothing(root: Path) -> None:
    store(root, "org/a", {"AngleBenchDemo": {"text": ""}})
    found = ab.cite("a", tasks="demo", results=root)
    assert "mteb names no paper of AngleBenchDemo" in found.warnings
    assert found.keys == ("muennighoff2022mteb", "enevoldsen2025mmtebmassivemultilingualtext")


def test_the_command_writes_bibtex_and_prints_the_paragraph(cli: Cli, root: Path) -> None:
    store(root, "org/a", {"STS12": {"text": ""}})
    whole = cli("cite", "-m", "a", "-t", "STS12")
    assert whole.code == 0, whole.err
    paragraph, _, bibtex = whole.out.partition("\n\n")
    ended = cli("cite", "-m", "a", "-t", "STS12", "-o", "x.bib")
    assert (ended.out, ended.err) == (f"{paragraph}\n", "wrote x.bib, 3 entries\n")
    assert read(Path("x.bib").read_text()) == read(bibtex)
    assert cli("cite", "-m", "a", "-t", "STS12", "-o", "x.bib", "-q").code == 0
    Path("mine.bib").write_text("@misc{x}")
    refused = cli("cite", "-m", "a", "-t", "STS12", "-o", "mine.bib")
    assert refused.code == 2
    assert "nothing is overwritten" in refused.errors[0]
    assert "does not end in .bib" in cli("cite", "-m", "a", "-o", "x.txt").errors[0]
    assert cli("cite").code == 2


@pytest.mark.process
def test_latex_and_bibtex_take_it(tmp_path: Path, root: Path) -> None:
    need("pdflatex", "bibtex")
    store(root, "org/a_1", {"STS12": {"text": 'x_% {text} & \\ "$'}})
    found = ab.cite("a_1", tasks="STS", results=root)
    (tmp_path / "m.bib").write_text(found.bibtex, encoding="utf-8")
    (tmp_path / "p.tex").write_text(
        r"\documentclass{article}\usepackage{natbib}\usepackage{hyperref}\begin{document}"
        f"\n{found.paragraph()}\n"
        r"\bibliographystyle{plainnat}\bibliography{m}\end{document}",
        encoding="utf-8",
    )
    for words in (["pdflatex", "-interaction=nonstopmode", "p"], ["bibtex", "p"]) * 2:
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "p"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Citation" not in done.stdout
    assert "undefined citations" not in done.stdout
