"""Where the pictures of a contact sheet stand on its pages. Pure, light to import."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from workers.job import ParameterValue
from workers.operations.image_geometry import Size

DOTS_AN_INCH: Final = 150
POINTS_AN_INCH: Final = 72

# In pixels at that resolution.
_PAPER: Final = {"a4": Size(1240, 1754), "letter": Size(1275, 1650)}
_MARGIN: Final = 60
_GAP: Final = 16
_NAME_HEIGHT: Final = 24


class Place(NamedTuple):
    """The left upper corner of a picture's room on its page, in pixels."""

    left: int
    top: int


class Layout(NamedTuple):
    """A page in pixels, and the largest `picture` on it; names are lines of that height, or 0."""

    page: Size
    picture: Size
    columns: int
    rows: int
    name_height: int

    @property
    def on_page(self) -> int:
        """Return how many pictures a page holds."""
        return self.columns * self.rows

    def place(self, number: int) -> Place:
        """Return where the picture of that number on its page stands, counted from 0."""
        row, column = divmod(number, self.columns)
        height = self.picture.height + self.name_height + _GAP
        return Place(
            _MARGIN + column * (self.picture.width + _GAP),
            _MARGIN + row * height,
        )


def layout_of(values: Mapping[str, ParameterValue]) -> Layout:
    """Return what a contact sheet's parameters ask for."""
    page = _PAPER[str(values["paper"])]
    columns, rows = int(values["columns"]), int(values["rows"])
    name_height = _NAME_HEIGHT if values["names"] else 0
    picture = Size(
        (page.width - 2 * _MARGIN - (columns - 1) * _GAP) // columns,
        (page.height - 2 * _MARGIN - (rows - 1) * _GAP) // rows - name_height,
    )
    return Layout(page, picture, columns, rows, name_height)
