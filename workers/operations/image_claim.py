"""What a picture's header claims, before a pixel is read. Pure."""

from dataclasses import dataclass

from workers.operations.image_geometry import Size


@dataclass(frozen=True, slots=True)
class Claim:
    """The size of the upright picture, and what each of its pixels takes.

    `frames` is 0 where there are several and nobody counted them.
    """

    size: Size
    bands: int
    sample_bytes: int
    frames: int = 1
