"""What a person chose about outputs, besides where they go."""

from msgspec import Struct


class OutputChoices(Struct, frozen=True):
    """How outputs are named and made; `names` is a template, empty for names like the inputs'.

    `is_in_place` is never kept from one start to the next: it is asked for each time.
    """

    names: str = ""
    keeps_dates: bool = False
    only_smaller: bool = False
    is_watching: bool = False
    is_in_place: bool = False
