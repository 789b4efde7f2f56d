"""The study as a site and as a paper's table, by the command line alone: `make study-site`.

python -m leaderboards.study.site [FOLDER]    write both; into leaderboards/ by default
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from leaderboards.study import plan

FOLDER = Path("leaderboards")
SITE = "site/"
PAPER = "study.tex"


def words() -> list[str]:
    """The arguments of `angle-bench` but for `-o`: a row for each recipe, of its three seeds."""
    recipes = []
    for recipe in plan.RECIPES:
        seeds = [f"{recipe.name}={recipe.name}-seed{seed}" for seed in plan.SEEDS]
        recipes += ["-m", ",".join(seeds)]
    tasks = ["-r", str(plan.RESULTS), "-t", ",".join(plan.STS)]
    return ["leaderboard", *tasks, "-m", plan.BASE, *recipes, "--base", plan.BASE, "--ranks"]


CAPTION = (
    "Fine-tunes of all-MiniLM-L6-v2 with the AnglE objectives: Spearman's correlation "
    "(×100), mean and standard deviation over three seeds."
)
OF_PAPER = ["--decimals", "1", "--caption", CAPTION, "--label", "tab:study"]


def main(given: Sequence[str]) -> int:
    """Write the site and the table."""
    folder = Path(given[0]) if given else FOLDER
    for name, more in ((SITE, []), (PAPER, OF_PAPER)):
        # joined by hand: as a Path the folder would lose the slash that makes it a site
        command = [sys.executable, "-m", "angle_bench", *words(), *more, "-o", f"{folder}/{name}"]
        ended = subprocess.run(command, cwd=plan.ROOT)
        if ended.returncode != 0:
            return ended.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
