"""Whether an endpoint still answers as it did: the vectors of a few texts, compared and named.

A server computes the same text a little differently from batch to batch and from device to device,
so that no digest of its numbers is safe. What it answered first is therefore kept, and an answer
within a tolerance of it is the same model. The digest that names a model is of the cosines between
the probe texts to three decimals and of their lengths to two digits, which are the same on another
machine that has kept nothing, unless a value lies within rounding of a border.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angle_bench.checkpoints.endpoint.endpoint_ref import EndpointRef
from angle_bench.files.cached_json import read_cached, write_cached
from angle_bench.files.places import cache_folder

# unlike one another, and short, so that no server cuts them
PROBES = (
    "A man is playing a guitar on the stage.",
    "The bank raised its interest rates by a quarter of a percent on Thursday.",
    "def area(radius): return 3.14159 * radius ** 2",
    "機械学習モデルは文章の意味を比べる。",
)
ALONE = 0.02  # of the length of a vector: as far as the same request may be off
BESIDE = 0.05  # beside other texts, where rounding and quantisation depend on the batch
VOLATILE = ("created", "permission")  # of what a server reports, what each start makes anew

Vectors = NDArray[np.float32]


def far(found: Vectors, known: Vectors) -> float:
    """How far vectors, (texts, width), are off, as a share of their length; of all the most."""
    if found.shape != known.shape:
        return float("inf")
    scale = np.maximum(np.linalg.norm(known, axis=1), 1e-12)
    return float((np.linalg.norm(found - known, axis=1) / scale).max())


def packed(vectors: Vectors) -> str:
    """Vectors of the probe texts as base64."""
    return base64.b64encode(vectors.astype("<f4").tobytes()).decode()


def unpacked(text: str) -> Vectors:
    """The same as vectors again, (probe texts, width)."""
    plain = np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32)
    return plain.reshape(len(PROBES), -1)


def reported_of(model: str, models: Sequence[Mapping[str, Any]] | None) -> str:
    """What a server's list says of a model, as JSON without what changes at each start."""
    entry = next((each for each in models or () if each.get("id") == model), None)
    if entry is None:
        return ""
    kept = {key: value for key, value in entry.items() if key not in VOLATILE}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


def recognised(ref: EndpointRef, reported: str, probe: Vectors) -> tuple[str, str | None]:
    """The revision of what answers at an endpoint, and a word where it was another one before.

    Args:
        ref: The endpoint.
        reported: What the server says of the model.
        probe: The vectors of the probe texts.
    """
    place = _place(ref)
    known = read_cached(place).get("answers")
    kept = [each for each in known if _is_whole(each)] if isinstance(known, list) else []
    same = [each for each in kept if _is_same(each, reported, probe)]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    answer = same[-1] if same else _first_seen(ref, reported, probe, now)
    note = None
    if kept and kept[-1] is not answer:
        note = (
            f"{ref.typed} answers otherwise than on {kept[-1]['last'][:10]}: it is another model "
            f"now, {_short(answer)}, and not {_short(kept[-1])}; scores of the two stay apart"
        )
    others = [each for each in kept if each is not answer]
    said = {"url": ref.address, "model": ref.model, "answers": [*others, answer | {"last": now}]}
    write_cached(place, said)
    return answer["revision"], note


def _first_seen(ref: EndpointRef, reported: str, probe: Vectors, now: str) -> dict[str, str]:
    named = json.dumps([ref.address, ref.model, reported, _rounded(probe)])
    revision = f"sha256-{hashlib.sha256(named.encode()).hexdigest()[:16]}"
    return {
        "revision": revision,
        "reported": reported,
        "probe": packed(probe),
        "first": now,
        "last": now,
    }


def _rounded(probe: Vectors) -> list[Any]:
    lengths = np.linalg.norm(probe.astype(np.float64), axis=1)
    unit = probe / np.maximum(lengths, 1e-12)[:, None]
    cosines = (unit @ unit.T)[np.triu_indices(len(probe), 1)]
    # + 0.0 makes zero of -0.0
    return [
        probe.shape[1],
        [f"{round(each, 3) + 0.0:.3f}" for each in cosines.tolist()],
        [f"{each:.1e}" for each in lengths.tolist()],
    ]


def _is_same(kept: Mapping[str, str], reported: str, probe: Vectors) -> bool:
    return kept["reported"] == reported and far(probe, unpacked(kept["probe"])) <= ALONE


def _is_whole(kept: Any) -> bool:
    """Whether it is what was written here; what somebody else wrote counts as absent."""
    keys = ("revision", "reported", "probe", "first", "last")
    if not isinstance(kept, dict) or not all(isinstance(kept.get(key), str) for key in keys):
        return False
    try:
        return unpacked(kept["probe"]).size > 0
    except ValueError:
        return False


def _short(answer: Mapping[str, str]) -> str:
    return answer["revision"].removeprefix("sha256-")[:8]


def _place(ref: EndpointRef) -> Path:
    named = hashlib.sha256(f"{ref.address}\n{ref.model}".encode()).hexdigest()[:16]
    return cache_folder() / "endpoints" / f"{named}.json"
