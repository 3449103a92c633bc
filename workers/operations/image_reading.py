"""How pictures are read: which page, and what becomes of damaged files. Light to import."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from workers.job import Kind, ParameterValue
from workers.operations.declaration import Operation, Parameter, ParameterKind

OPEN: Final = "images.open"
_MOST_PAGES: Final = 100_000


class Reading(Struct, frozen=True):
    """How a picture is read.

    `page` counts from 1, 0 is all; where one is asked for, the others are no loss to speak of.
    `salvages` saves a damaged picture as far as it reads; `is_lenient` is the attempt that does.
    """

    page: int = 0
    salvages: bool = False
    is_lenient: bool = False


AS_USUAL: Final = Reading()
"""All pages, and nothing that is damaged."""


def reading_of(values: Mapping[str, ParameterValue]) -> Reading:
    """Return the reading that the values of `images.open` ask for."""
    page = int(values["page"]) if values["pages"] == "one" else 0
    return Reading(page, bool(values["salvage"]))


def _summary(values: Mapping[str, ParameterValue]) -> str:
    pages = f"page {values['page']}" if values["pages"] == "one" else "all pages"
    return f"{pages}, also of damaged files" if values["salvage"] else pages


OPERATION: Final = Operation(
    OPEN,
    "Read",
    "Chooses a page of pictures that have several, and whether damaged files are salvaged.",
    Kind.IMAGE,
    (
        Parameter(
            "pages",
            ParameterKind.CHOICE,
            "Pages",
            "All pages or frames stay where the format that is saved has them (TIFF; GIF and "
            "WebP move), else the first does, with a warning. Or one page is taken.",
            "all",
            choices=("all", "one"),
        ),
        Parameter(
            "page",
            ParameterKind.INTEGER,
            "Page",
            "The number of the page or frame, from 1.",
            1,
            minimum=1,
            maximum=_MOST_PAGES,
            shown_when=("pages", ("one",)),
        ),
        Parameter(
            "salvage",
            ParameterKind.FLAG,
            "Salvage damaged files",
            "Save a damaged JPEG, PNG, TIFF, GIF or WebP as far as it reads, and warn of it; "
            "otherwise it fails.",
            False,
        ),
    ),
    _summary,
)
