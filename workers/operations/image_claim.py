"""What a picture's header claims, before a pixel is read. Pure."""

from msgspec import Struct

from workers.operations.image_geometry import Size


class Claim(Struct, frozen=True):
    """The size of the upright picture, and what each of its pixels takes.

    `frames` is 0 where there are several and nobody counted them.
    """

    size: Size
    bands: int
    sample_bytes: int
    frames: int = 1
