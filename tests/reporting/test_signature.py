"""The line under a table (CONTRACTS "Identity")."""

from typing import Any

import pytest

from angle_bench.checkpoints.prompts import PromptPolicy
from angle_bench.checkpoints.spec import Settings
from angle_bench.reporting.tables.signature import TaskData, signature
from angle_bench.suites.select import select

COMMIT = "369c368f70f16a613f19f5598d4f12d9f44235d4"
QUERY = PromptPolicy(role={"query": "Represent this: {text}"})


def model(**changes: Any) -> dict[str, Any]:
    """The model part of a run record."""
    settings = Settings.model_validate(
        {"pooling": "cls", "max_length": 512, **{k: v for k, v in changes.items() if k != "name"}}
    )
    return {
        "name": changes.get("name", "WhereIsAI/UAE-Large-V1"),
        "revision": COMMIT,
        "settings": settings.canonical(),
    }


def line(record: dict[str, Any]) -> str:
    return signature(record, select(["STS"]), ["2.26.24"], [TaskData("STS12", "hub")])


def parts(text: str) -> dict[str, str]:
    return dict(part.split(":", 1) for part in text.split("|"))


def test_a_signature_holds_every_part_of_the_contract() -> None:
    assert line(model()) == (
        "model:WhereIsAI/UAE-Large-V1|rev:369c368f|pool:cls|prompts:none|max:512|dtype:float32"
        "|layer:last|size:full|mteb:2.26.24|suite:STS/1|data:hub"
    )


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("model", {"name": "local/ft"}),
        ("pool", {"pooling": "mean"}),
        ("pool", {"normalize": True}),
        ("prompts", {"prompts": QUERY}),
        ("max", {"max_length": 128}),
        ("dtype", {"dtype": "bfloat16"}),
    ],
)
def test_a_setting_changes_its_own_part_only(part: str, changes: dict[str, Any]) -> None:
    before, after = parts(line(model())), parts(line(model(**changes)))
    assert {key for key in before if before[key] != after[key]} == {part}


def test_two_prompts_have_two_signatures() -> None:
    policies = [
        QUERY,
        PromptPolicy(role={"query": "query: {text}"}),
        PromptPolicy(role={"document": "Represent this: {text}"}),
        PromptPolicy(default="Represent this: {text}"),
        PromptPolicy(task={"ArguAna": "Represent this: {text}"}),
    ]
    used = [parts(line(model(prompts=policy)))["prompts"] for policy in policies]
    assert len(set(used)) == len(policies)
    assert "none" not in used


def test_the_order_of_a_prompt_file_changes_nothing() -> None:
    one, two = (
        {"STS12": "a {text}", "STS13": "b {text}"},
        {"STS13": "b {text}", "STS12": "a {text}"},
    )
    assert line(model(prompts=PromptPolicy(task=one))) == line(
        model(prompts=PromptPolicy(task=two))
    )


def test_the_revision_of_a_local_checkpoint_is_the_start_of_its_hash() -> None:
    record = {**model(name="local/ft"), "revision": "sha256-0123456789abcdef"}
    assert parts(line(record))["rev"] == "01234567"


def test_a_model_that_mteb_loads_has_mteb_s_settings() -> None:
    record = {"name": "org/model", "revision": "no_revision_available", "settings": None}
    assert line(record) == (
        "model:org/model|rev:none|settings:mteb|mteb:2.26.24|suite:STS/1|data:hub"
    )


def test_versions_and_data_are_named_once_each() -> None:
    text = signature(
        model(),
        select(["demo"]),
        ["2.26.24", "2.27.0", "2.26.24", None],
        [TaskData(str(n), each) for n, each in enumerate(("package", "mirror", "hub", "mirror"))],
    )
    found = parts(text)
    assert found["mteb"] == "2.26.24,2.27.0,unknown"
    assert found["data"] == "hub,mirror,package"
    assert found["suite"] == "demo/1"


def test_local_data_and_a_limit_are_part_of_the_protocol() -> None:
    """Another task, other rows, a limit: each has a line of its own, another order has not."""

    def of(*data: tuple[str, str, str]) -> str:
        return signature(model(), select(["STS"]), ["2"], [TaskData(*each) for each in data])

    one, two = ("STS12", "mirror", "local-0a"), ("STS13", "mirror", "local-0b")
    few = [(task, origin, f"{revision}+20") for task, origin, revision in (one, two)]
    lines = [
        *(of(one, two), of(one, ("STS13", "mirror", "local-0c")), of(one), of(*few)),
        *(of(("STS12", "hub", "c0ffee")), of(("STS12", "hub", "c0ffee+20"))),
        of(one, ("STS14", "mirror", "local-0b")),
    ]
    assert len(set(lines)) == len(lines)
    assert of(two, one) == of(one, two)
    assert (parts(of(*few))["data"], parts(of(*few))["limit"]) == (
        parts(of(one, two))["data"],
        "20",
    )
    assert "limit" not in parts(of(one, two))


@pytest.mark.parametrize("start", [0, 31])
def test_the_first_layer_that_looks_ahead_is_said_also_where_it_is_0(start: int) -> None:
    assert parts(line(model(bidirectional_start=start)))["bidirectional_start"] == str(start)
    assert "bidirectional_start" not in line(model())
