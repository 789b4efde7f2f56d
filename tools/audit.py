"""Known flaws of the installed packages, by pip-audit: `make audit`.

pip-audit ends with 0 where its service knows none of the packages, so what it did not look up is
counted here: an audit of nothing is no audit.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FLAWS, UNKNOWN = 1, 2  # exit codes
SHOWN = 5
COMMAND = ("-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--skip-editable")


@dataclass(frozen=True)
class Audit:
    """What pip-audit says.

    Attributes:
        known: Packages that were looked up.
        flaws: `NAME VERSION: ID, fixed in VERSION`, a line each.
        unknown: `NAME: why` of packages that could not be looked up.
    """

    known: int
    flaws: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def code(self) -> int:
        """0 only where every package was looked up and none has a flaw."""
        if self.flaws:
            return FLAWS
        return UNKNOWN if self.unknown or not self.known else 0

    def lines(self) -> list[str]:
        """What is printed."""
        lines = list(self.flaws)
        if self.unknown:
            lines.append(f"not audited: {len(self.unknown)} packages, such as")
            lines += [f"  {line}" for line in self.unknown[:SHOWN]]
        what = f"{len(self.flaws)} known flaws" if self.flaws else "no known flaw"
        lines.append(f"{self.known} packages audited: {what}" if self.known else "nothing audited")
        return lines


def audit_of(said: str) -> Audit:
    """What the JSON of pip-audit means; text that is none means that nothing was looked up."""
    try:
        packages: list[dict[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Audit(0, (), ())
    known = [each for each in packages if "vulns" in each]
    flaws = [
        f"{each['name']} {each['version']}: {flaw['id']}, fixed in "
        f"{', '.join(flaw.get('fix_versions') or ['no version'])}"
        for each in known
        for flaw in each["vulns"]
    ]
    left = [each for each in packages if "vulns" not in each]
    unknown = [
        f"{each['name']}: {each.get('skip_reason', 'no reason')}"
        for each in left
        if "editable" not in each.get("skip_reason", "")  # the package itself
    ]
    return Audit(len(known), tuple(flaws), tuple(unknown))


def main(more: Sequence[str] = ()) -> int:
    """Run pip-audit on this environment; the exit code of `Audit`."""
    ended = subprocess.run(
        [sys.executable, *COMMAND, *more], capture_output=True, text=True, check=False
    )
    found = audit_of(ended.stdout)
    if not found.known and not found.unknown:
        last = (ended.stderr.strip() or "pip-audit said nothing").splitlines()[-1]
        print(f"no advisory service answered: {last}", file=sys.stderr)
    print("\n".join(found.lines()), file=sys.stderr)
    return found.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
