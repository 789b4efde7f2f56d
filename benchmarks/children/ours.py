"""angle-bench's encoder: `python -m benchmarks.children.ours MODEL OPTIONS-AS-JSON`."""

import json
import sys

import angle_bench
from benchmarks.serving import EncodeCommand, serve


def main() -> None:
    """Load, then answer `ready`, `read` and `encode`."""
    model, options = sys.argv[1], json.loads(sys.argv[2])
    encoder = angle_bench.load(model, **options)
    command = EncodeCommand(
        lambda texts, _: encoder.encode(texts), lambda: encoder.counted().get("tokens", 0)
    )
    serve({"ready": lambda: True, "read": command.read, "encode": command})


if __name__ == "__main__":
    main()
