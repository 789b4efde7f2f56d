"""Run a command and print the most memory it held, in bytes.

python -m benchmarks.children.peak_memory COMMAND...
"""

import resource
import subprocess
import sys


def main() -> None:
    """Run it, its output thrown away."""
    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
    print(1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


if __name__ == "__main__":
    main()
