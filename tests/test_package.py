"""What is installed: an editable checkout and a wheel carry the same, and nothing stray."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, timeout=120)
    (made,) = folder.glob("*.whl")
    return made


def python(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=60
    )


def test_the_wheel_holds_the_package_with_its_tasks_and_nothing_beside_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert len(tops) == 2
    assert "angle_bench" in tops
    shipped = {
        f"angle_bench/tasks/{place.relative_to(ROOT / 'tasks').as_posix()}"
        for place in (ROOT / "tasks").rglob("*")
        if place.is_file()
    }
    assert shipped <= set(names)
    assert "angle_bench/models/registry.toml" in names


def test_the_wheel_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "sys.meta_path = [f for f in sys.meta_path if 'Redirecting' not in str(f)]\n"
        "import angle_bench.places, angle_bench.results.suites as suites\n"
        "print(angle_bench.places.tasks_folder())\n"
        "print(len(suites.select(['STS']).task), len(suites.select(['demo']).task))"
    )
    ended = python("-c", script, folder=tmp_path)
    assert ended.stderr == ""
    place, counts = ended.stdout.splitlines()
    assert Path(place) == tmp_path / "site/angle_bench/tasks"
    assert counts == "7 1"


@pytest.mark.parametrize("name", ["tasks", "results", "tests", "benchmarks"])
def test_no_folder_of_the_checkout_becomes_a_top_level_module(name: str, tmp_path: Path) -> None:
    ended = python("-c", f"import {name}", folder=tmp_path)
    assert "ModuleNotFoundError" in ended.stderr


def test_the_version_is_said_once(tmp_path: Path) -> None:
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ended = python("-m", "angle_bench", "--version", folder=tmp_path)
    assert ended.stdout == f"angle-bench {declared}\n"
