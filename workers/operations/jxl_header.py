"""The first fields of a JPEG XL codestream, read bit by bit. Pure.

The fields and their codes are those of ISO/IEC 18181-1, annexes A.2 and E ("SizeHeader",
"ImageMetadata"). imagecodecs tells nothing of a picture before it has decoded all of it.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

SIGNATURE: Final = b"\xff\x0a"
# Width to height; the first means that the width is written out.
_RATIOS: Final = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_ALPHA, _SPOT, _MOSAIC = 0, 2, 5
_RGB, _GREY = 0, 1
_D65, _SRGB_PRIMARIES = 1, 1
_CURVES: Final = {13: "srgb", 8: "linear"}

# A number is one of four: (bits to read, what is added to them).
_Choice = tuple[int, int]
_Choices = tuple[_Choice, _Choice, _Choice, _Choice]
_LENGTH: Final[_Choices] = ((9, 1), (13, 1), (18, 1), (30, 1))
_ENUM: Final[_Choices] = ((0, 0), (0, 1), (4, 2), (6, 18))
_DEPTH: Final[_Choices] = ((0, 8), (0, 10), (0, 12), (6, 1))
_FLOAT_DEPTH: Final[_Choices] = ((0, 32), (0, 16), (0, 24), (6, 1))
_CHANNELS: Final[_Choices] = ((0, 0), (0, 1), (4, 2), (12, 1))
_PREVIEW_EIGHTHS: Final[_Choices] = ((0, 16), (0, 32), (5, 1), (9, 33))
_PREVIEW: Final[_Choices] = ((6, 1), (8, 65), (10, 321), (12, 1345))
_TICKS: Final[_Choices] = ((0, 100), (0, 1000), (10, 1), (30, 1))
_TICK_PARTS: Final[_Choices] = ((0, 1), (0, 1001), (8, 1), (10, 1))
_LOOPS: Final[_Choices] = ((0, 0), (3, 0), (16, 0), (32, 0))
_SHIFT: Final[_Choices] = ((0, 0), (0, 3), (0, 4), (3, 1))
_NAME: Final[_Choices] = ((0, 0), (4, 0), (5, 16), (10, 48))
_MOSAIC_CHANNEL: Final[_Choices] = ((0, 1), (2, 0), (4, 3), (8, 19))


class JxlHeader(Struct, frozen=True):
    """What a codestream says of itself; width and height in pixels, of the upright picture.

    `curve` is srgb or linear, with the white and the primaries of sRGB, or empty for other colours.
    """

    width: int
    height: int
    bits: int = 8
    has_alpha: bool = False
    is_grey: bool = False
    is_animation: bool = False
    curve: str = "srgb"


def read_header(codestream: bytes) -> JxlHeader | None:
    """Return what the first bytes (some hundred are enough) say; None where they say nothing."""
    if not codestream.startswith(SIGNATURE):
        return None
    try:
        return _header(_Bits(codestream[len(SIGNATURE) :]))
    except EOFError:
        return None


class _Bits:
    """Bytes as a row of bits, the lowest of each byte first."""

    def __init__(self, content: bytes) -> None:
        self._number = int.from_bytes(content, "little")
        self._left = 8 * len(content)

    def take(self, count: int) -> int:
        """Return the next `count` bits as a number; raises EOFError where there are fewer."""
        if count > self._left:
            raise EOFError
        taken = self._number & ((1 << count) - 1)
        self._number >>= count
        self._left -= count
        return taken

    def flag(self) -> bool:
        return bool(self.take(1))

    def choice(self, choices: _Choices) -> int:
        bits, added = choices[self.take(2)]
        return self.take(bits) + added


def _header(bits: _Bits) -> JxlHeader:
    width, height = _size(bits)
    if bits.flag():  # everything else is as usual
        return JxlHeader(width, height)
    orientation, is_animation = _extra_fields(bits) if bits.flag() else (1, False)
    if orientation >= 5:
        width, height = height, width
    depth = _depth(bits)
    bits.flag()
    kinds = [_extra_channel(bits) for _ in range(bits.choice(_CHANNELS))]
    bits.flag()
    is_grey, curve = _colours(bits)
    return JxlHeader(width, height, depth, _ALPHA in kinds, is_grey, is_animation, curve)


def _size(bits: _Bits) -> tuple[int, int]:
    """Return width and height."""
    in_eighths = bits.flag()
    return _sides(bits, lambda: 8 * (1 + bits.take(5)) if in_eighths else bits.choice(_LENGTH))


def _preview(bits: _Bits) -> None:
    in_eighths = bits.flag()
    _sides(bits, lambda: bits.choice(_PREVIEW_EIGHTHS if in_eighths else _PREVIEW))


def _sides(bits: _Bits, length: Callable[[], int]) -> tuple[int, int]:
    height = length()
    over, under = _RATIOS[bits.take(3)]
    return (height * over // under if over else length()), height


def _extra_fields(bits: _Bits) -> tuple[int, bool]:
    orientation = 1 + bits.take(3)
    if bits.flag():
        _size(bits)
    if bits.flag():
        _preview(bits)
    is_animation = bits.flag()
    if is_animation:
        for choices in (_TICKS, _TICK_PARTS, _LOOPS):
            bits.choice(choices)
        bits.flag()
    return orientation, is_animation


def _depth(bits: _Bits) -> int:
    if not bits.flag():
        return bits.choice(_DEPTH)
    depth = bits.choice(_FLOAT_DEPTH)
    bits.take(4)
    return depth


def _extra_channel(bits: _Bits) -> int:
    """Return the kind of a channel beside the colours."""
    if bits.flag():
        return _ALPHA
    kind = bits.choice(_ENUM)
    _depth(bits)
    bits.choice(_SHIFT)
    bits.take(8 * bits.choice(_NAME))
    if kind == _ALPHA:
        bits.flag()
    elif kind == _SPOT:
        bits.take(4 * 16)
    elif kind == _MOSAIC:
        bits.choice(_MOSAIC_CHANNEL)
    return kind


def _colours(bits: _Bits) -> tuple[bool, str]:
    """Say whether the picture is grey, and return its curve."""
    if bits.flag():
        return False, "srgb"
    has_profile, space = bits.flag(), bits.choice(_ENUM)
    is_grey = space == _GREY
    if has_profile or space not in (_RGB, _GREY) or bits.choice(_ENUM) != _D65:
        return is_grey, ""
    if not is_grey and bits.choice(_ENUM) != _SRGB_PRIMARIES:
        return is_grey, ""
    has_gamma = bits.flag()
    return is_grey, "" if has_gamma else _CURVES.get(bits.choice(_ENUM), "")
