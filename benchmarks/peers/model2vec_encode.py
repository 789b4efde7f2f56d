"""model2vec's encoder: `… model2vec_encode MODEL-FOLDER`."""

import sys

from model2vec import StaticModel

from benchmarks.serving import EncodeCommand, serve


def main() -> None:
    """Load, then answer `ready`, `read` and `encode`."""
    model = StaticModel.from_pretrained(sys.argv[1])
    command = EncodeCommand(lambda texts, _: model.encode(texts))
    serve({"ready": lambda: True, "read": command.read, "encode": command})


if __name__ == "__main__":
    main()
