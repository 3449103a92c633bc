"""Metadata of a picture changed without touching a pixel, where the format allows it.

Runs in a worker. A JPEG is cut into its segments and put together again; any other format, and
any JPEG that is not plain, is left to decoding and encoding.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from workers.operations.exif_block import blank_location, orientation_of, with_texts
from workers.operations.image_plan import ImagePlan
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat, format_of_suffix, picture_format
from workers.outcome import Failure

_SOS, _EOI, _COMMENT = 0xDA, 0xD9, 0xFE
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_EXIF: Final = b"Exif\x00\x00"
_ICC: Final = b"ICC_PROFILE\x00"
# Without these two a decoder may take the colours for others.
_NEEDED: Final = (_APP0, _APP14)
_COLOURS: Final = (*_NEEDED, _APP2)
_LONGEST: Final = 65_533  # a segment's length counts its own two bytes
_SECOND_PICTURE: Final = b"MPF\x00"
_PLACE_WORDS: Final = re.compile(rb"gps|location|city|state|country", re.IGNORECASE)
# IPTC records: city, sublocation, state, country code, country.
_PLACE_RECORDS: Final = tuple(bytes((0x1C, 2, number)) for number in (90, 92, 95, 100, 101))

Segment = tuple[int, bytes]


def rewrite_metadata(source: InputFile, plan: ImagePlan, target: Path) -> Failure | str | None:
    """Write the same picture with other metadata; None when it has to be encoded again."""
    from workers.operations.image_damage import damage
    from workers.operations.image_decode import BUFFER_LIMIT, complaint_about

    known = picture_format(source.head, source.suffix)
    is_same_format = known is not None and known is format_of_suffix(target.suffix)
    if known is None or not is_same_format or source.size > BUFFER_LIMIT:
        return None
    if known is ImageFormat.JXL:
        return _rewritten_jxl(source, plan, target)
    content = source.read_or_failure()
    if isinstance(content, Failure):
        return content
    is_kept = plan.metadata == "keep" and not plan.texts
    changed = content if is_kept else _changed(content, known, plan)
    if changed is None:
        return None
    complaint = complaint_about(content)
    if complaint:
        return damage(known, complaint)
    with target.open("xb") as stream:
        stream.write(changed)
    return ""


def _rewritten_jxl(source: InputFile, plan: ImagePlan, target: Path) -> Failure | str:
    from workers.operations.image_jxl import rewritten

    changed = rewritten(source, plan)
    if isinstance(changed, Failure):
        return changed
    with target.open("xb") as stream:
        stream.write(changed)
    return ""


def names_place(content: bytes) -> bool:
    """Say whether XMP or IPTC content names a place."""
    is_named = any(record in content for record in _PLACE_RECORDS)
    return is_named or _PLACE_WORDS.search(content) is not None


def _changed(content: bytes, known: ImageFormat, plan: ImagePlan) -> bytes | None:
    if known is not ImageFormat.JPEG:
        return None
    split = _split(content)
    if split is None:
        return None
    segments, pixels = split
    if plan.metadata == "strip":
        # The profile goes too, so the colours have to be computed anew.
        if any(marker == _APP2 and body.startswith(_ICC) for marker, body in segments):
            return None
        kept = list(_bare(segments))
    else:
        kept = segments if plan.metadata == "keep" else list(_placeless(segments))
    if plan.texts:
        kept = _with_texts(kept, plan.texts)
    if any(len(body) > _LONGEST for _marker, body in kept):
        return None
    headers = (
        bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body for marker, body in kept
    )
    return b"\xff\xd8" + b"".join(headers) + pixels


def _with_texts(segments: list[Segment], texts: Mapping[int, str]) -> list[Segment]:
    """Return the segments with texts in the EXIF block, which is made where there is none."""
    for number, (marker, body) in enumerate(segments):
        if marker == _APP1 and body.startswith(_EXIF):
            changed = marker, _EXIF + with_texts(body[len(_EXIF) :], texts)
            return [*segments[:number], changed, *segments[number + 1 :]]
    first = 1 if segments[:1] and segments[0][0] == _APP0 else 0  # JFIF wants to be the first
    return [*segments[:first], (_APP1, _EXIF + with_texts(b"", texts)), *segments[first:]]


def _bare(segments: list[Segment]) -> Iterator[Segment]:
    turned = [_turned(body) for marker, body in segments if marker == _APP1]
    for marker, body in segments:
        if not _is_metadata(marker) or marker in _NEEDED:
            yield marker, body
    for orientation in turned:
        if orientation != 1:  # the mark alone: without it the picture would lie on its side
            yield _APP1, _EXIF + _ORIENTATION_ALONE + bytes((0, orientation, 0, 0)) + bytes(4)
            return


# A TIFF header and one directory entry, which ends in the number.
_ORIENTATION_ALONE: Final = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"


def _turned(body: bytes) -> int:
    return orientation_of(body[len(_EXIF) :]) if body.startswith(_EXIF) else 1


def _placeless(segments: list[Segment]) -> Iterator[Segment]:
    for marker, body in segments:
        if marker == _APP1 and body.startswith(_EXIF):
            blanked = blank_location(body[len(_EXIF) :])
            if blanked is not None:  # what cannot be followed cannot be trusted to name no place
                yield marker, _EXIF + blanked
        elif marker == _APP2 and body.startswith(_SECOND_PICTURE):
            continue  # it has metadata of its own, and is cut off with what follows the picture
        elif marker in _COLOURS or not _is_metadata(marker) or not names_place(body):
            yield marker, body


def _is_metadata(marker: int) -> bool:
    return 0xE0 <= marker <= 0xEF or marker == _COMMENT


def _split(content: bytes) -> tuple[list[Segment], bytes] | None:
    """Return the segments before the pixels, and the pixels up to the picture's end."""
    segments: list[Segment] = []
    place = 2
    while content[place : place + 1] == b"\xff" and place + 4 <= len(content):
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == _SOS:
            end = _end_of_picture(content, place)
            return (segments, content[place:end]) if end else None
        if length < 2 or marker == 0xFF:
            return None
        segments.append((marker, content[place + 4 : place + 2 + length]))
        place += 2 + length
    return None


def _end_of_picture(content: bytes, place: int) -> int:
    """Return where the first picture ends: what phones append may tell a place as well."""
    while True:
        place = content.find(b"\xff", place)
        if place < 0 or place + 2 > len(content):
            return 0
        marker = content[place + 1]
        if marker == _EOI:
            return place + 2
        is_data = marker in (0x00, 0xFF) or 0xD0 <= marker <= 0xD7
        if is_data:
            place += 1 if marker == 0xFF else 2
        else:
            place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
