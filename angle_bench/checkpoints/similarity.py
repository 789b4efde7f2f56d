"""How two vectors are compared, and what mteb can score by."""

from angle_bench.errors import UsageError

SCORED = ("cosine", "dot")  # mteb 2.26 has no function for the others


def refuse_similarity(label: str, similarity: str) -> None:
    """Refuse to score a checkpoint by a similarity that mteb does not know.

    Raises:
        UsageError: It is none of `SCORED`.
    """
    if similarity not in SCORED:
        raise UsageError(
            f"{label} compares vectors by the {similarity} distance (similarity_fn_name), "
            "which mteb does not score by.",
            "--similarity cosine, or --similarity dot, for scores under another similarity",
        )
