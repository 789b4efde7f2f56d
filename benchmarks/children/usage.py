"""Run a command and print what it used: seconds of processor time, and the most memory in bytes.

python -m benchmarks.children.usage COMMAND...
"""

import json
import resource
import subprocess
import sys


def main() -> None:
    """Run it, its output thrown away."""
    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps([used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss]))


if __name__ == "__main__":
    main()
