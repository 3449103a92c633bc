"""One line of `everycore doctor`, as a value."""

from msgspec import Struct


class Diagnosis(Struct, frozen=True):
    """What was found of a subject.

    `advice` is a sentence or empty; without what `is_needed` no job runs.
    """

    subject: str
    is_ok: bool
    finding: str
    advice: str = ""
    is_needed: bool = False
