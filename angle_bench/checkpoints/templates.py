"""Templates: what a prompt is written as, how it is checked, filled and shown."""

import re
from functools import cache

PLACEHOLDER = "{text}"
INSTRUCTION = "{instruction}"
NO_PROMPT = ""
# the authors' own, by the names that their code and papers use
NAMED = {
    "A": 'Summarize sentence "{text}" in one word:"',
    "B": 'You can only output one word. Summarize "{text}":"',
    "C": "Represent this sentence for searching relevant passages: {text}",
    "none": NO_PROMPT,
}

# a word in braces, and one in doubled braces, which stands for the word in braces
_WORD = re.compile(r"\{([A-Za-z_]\w*)\}")
_LITERAL = re.compile(r"\{(\{[A-Za-z_]\w*\})\}")
_LITERAL_OR_WORD = re.compile(rf"{_LITERAL.pattern}|{_WORD.pattern}")


def as_template(prefix: str) -> str:
    """The template of a text that stands before every other, whatever it says of braces.

    >>> as_template("q: "), as_template("{text}: "), as_template("")
    ('q: {text}', '{{text}}: {text}', '')
    """
    return f"{literal(prefix)}{PLACEHOLDER}" if prefix else NO_PROMPT


def literal(text: str) -> str:
    """A text as it is written in a template, where words in braces mean something."""
    return _WORD.sub(r"{{\1}}", text)


def placeholders(template: str) -> list[str]:
    """The words in braces that a template leaves to be filled, such as `{text}`.

    >>> placeholders("{{text}} {instruction} {text} {0} {}")
    ['{instruction}', '{text}']
    """
    return [found[0] for found in _LITERAL_OR_WORD.finditer(template) if found[1] is None]


def check_template(template: str) -> None:
    """Refuse a template that does not hold `{text}` exactly once.

    Raises:
        ValueError: With what is wrong and an example.
    """
    if template != NO_PROMPT and placeholders(template).count(PLACEHOLDER) != 1:
        raise ValueError(
            f"the prompt {template!r} must hold {PLACEHOLDER} exactly once, "
            f"as in 'query: {PLACEHOLDER}'"
        )


def check_written(template: str) -> None:
    """Refuse a template that a person writes and that cannot be filled.

    Raises:
        ValueError: It lacks `{text}`, or holds a word in braces that nothing fills.
    """
    check_template(template)
    known = (PLACEHOLDER, INSTRUCTION)
    if unknown := [word for word in placeholders(template) if word not in known]:
        raise ValueError(
            f"the prompt {template!r} holds {unknown[0]}, which nothing fills; "
            f"{{{unknown[0]}}} is the word in braces"
        )


def wants_instruction(template: str) -> bool:
    """Whether a template holds `{instruction}`."""
    return INSTRUCTION in placeholders(template)


def has_literal(template: str) -> bool:
    """Whether a template holds a word in doubled braces."""
    return _LITERAL.search(template) is not None


def filled(template: str, instruction: str) -> str:
    """A template with its instruction; without one there is no prompt, as in mteb."""
    if not instruction:
        return NO_PROMPT
    return _LITERAL_OR_WORD.sub(
        lambda found: literal(instruction) if found[0] == INSTRUCTION else found[0], template
    )


def typed_template(typed: str) -> str:
    r"""The template that a name or a template stands for.

    A shell leaves `\n` in quotes as it is: here it is a new line, `\t` a tab, and `\\` a backslash.

    Raises:
        ValueError: The text is neither a name nor a template.

    >>> typed_template("none"), typed_template("query: {text}")
    ('', 'query: {text}')
    """
    by_name = {name.casefold(): template for name, template in NAMED.items()}
    template = by_name.get(typed.strip().casefold(), _with_escapes(typed))
    if template == NO_PROMPT and typed.strip().casefold() != "none":
        raise ValueError("an empty prompt is written none")
    check_written(template)
    return template


def _with_escapes(typed: str) -> str:
    r"""A typed template, where `\n` is a new line, `\t` a tab, and `\\` a backslash.

    >>> _with_escapes(r"Instruct: x\nQuery: {text}"), _with_escapes(r"\\nabla {text}")
    ('Instruct: x\nQuery: {text}', '\\nabla {text}')
    """
    known = {"n": "\n", "t": "\t", "\\": "\\"}
    return re.sub(r"\\([nt\\])", lambda found: known[found[1]], typed)


def named(template: str) -> str:
    """How a template is shown: by the authors' letter if it has one.

    >>> named(""), named("query: {text}"), named(NAMED["C"])
    ('none', "'query: {text}'", 'C')
    """
    letters = [name for name, known in NAMED.items() if known == template]
    return letters[0] if letters else repr(template)


def prepare_sentence(text: str) -> str:
    """A sentence as the authors' STS script gives it to their LLaMA checkpoints.

    A sentence gets a final `.` unless it ends in one of `. ? " '`; double quotes become single
    ones, and then a final `?` becomes `.`.

    >>> prepare_sentence('He said "no"'), prepare_sentence("Why?"), prepare_sentence("A dog")
    ("He said 'no'", 'Why.', 'A dog.')
    """
    if text and text[-1] not in ".?\"'":
        text += "."
    text = text.replace('"', "'")
    return f"{text[:-1]}." if text.endswith("?") else text


@cache
def head_and_tail(template: str) -> tuple[str, str]:
    """What stands before a text and behind it.

    >>> head_and_tail("query: {text}!"), head_and_tail("{{text}} is {text}"), head_and_tail("")
    (('query: ', '!'), ('{text} is ', ''), ('', ''))
    """
    for found in _LITERAL_OR_WORD.finditer(template):
        if found[0] == PLACEHOLDER:
            parts = template[: found.start()], template[found.end() :]
            return _LITERAL.sub(r"\1", parts[0]), _LITERAL.sub(r"\1", parts[1])
    return "", ""


def render(template: str, text: str) -> str:
    """Put a text into its template; `{{word}}` is `{word}`, other braces stay as they are."""
    head, tail = head_and_tail(template)
    return f"{head}{text}{tail}"
