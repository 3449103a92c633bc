"""How far the sheets of a zipped workbook reach, looked at before it is read.

Its reader holds a sheet as a full grid from corner to corner: two cells far apart in a file of a
kilobyte take 550 GB and end the process. So the content is unpacked in pieces and looked through
here, and refused in time. Light to import.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

from msgspec import Struct

from workers.operations.sheet_cells import OdsReach, Reach, XlsxReach, claimed_corner
from workers.wording import count_words, size_words

CELLS_MOST: Final = 50_000_000
"""More cells than this are not read: at 32 bytes each they are 1.6 GB before there is a table."""
UNPACKED_MOST: Final = 2 * 10**9
# A sheet need not say how far it reaches; a small one that reaches further than it says is fine.
_CLAIM_SLACK: Final = 8_000_000
_BYTES_A_CELL: Final = 16  # of XML, at the very least
_HEAD: Final = 4096
_PIECE: Final = 1 << 20
_LOCAL_HEADER: Final = 30
_WORKBOOKS: Final = {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}
_ODS_CONTENT: Final = "content.xml"
_DAMAGES: Final = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)


class Refusal(Struct, frozen=True):
    """Why a workbook is not read, in a sentence, and whether it is damaged or just too large."""

    message: str
    is_damage: bool


_DAMAGED: Final = Refusal("Not a readable workbook (its content is damaged).", is_damage=True)
_OTHER: Final = Refusal("Not a workbook (the file is an archive of another kind).", is_damage=True)


class Claim(Struct, frozen=True):
    """What a workbook says of itself: bytes unpacked in all, cells of its largest sheet."""

    unpacked: int
    cells: int


def claim_of(file: IO[bytes]) -> Claim | None:
    """Return what the directory and the sheets' heads say; None where the file is no workbook."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            cells = [_claimed_cells(archive, member) for member in members if _is_sheet(member)]
            return Claim(sum(member.file_size for member in members), max(cells, default=0))
    except _DAMAGES:
        return None


def refusal(content: bytes) -> Refusal | None:
    """Return why the workbook is not to be read, or None."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if not _WORKBOOKS & {member.filename for member in members}:
                return _OTHER
            unpacked = sum(member.file_size for member in members)
            if unpacked > UNPACKED_MOST:
                sizes = f"{size_words(unpacked)}; up to {size_words(UNPACKED_MOST)} are read"
                return Refusal(f"The workbook unpacks to {sizes}.", is_damage=False)
            for member in members:
                claimed = _claimed_cells(archive, member) if _is_sheet(member) else 0
                found = _cells(content, member, _corner(archive, member))
                if found > min(CELLS_MOST, claimed + _CLAIM_SLACK):
                    return _too_wide(found)
    except _DAMAGES:
        return _DAMAGED
    return None


def _too_wide(cells: int) -> Refusal:
    said = f"A sheet of the workbook spans {count_words(cells, 'cell')}, too many to read."
    return Refusal(said, is_damage=False)


def _is_sheet(member: zipfile.ZipInfo) -> bool:
    return member.filename.lower().startswith("xl/worksheets/") or _is_ods(member)


def _is_ods(member: zipfile.ZipInfo) -> bool:
    return member.filename == _ODS_CONTENT


def _corner(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, int] | None:
    if _is_ods(member) or not _is_sheet(member):
        return None
    with archive.open(member) as stream:
        return claimed_corner(stream.read(_HEAD))


def _claimed_cells(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Return the cells by what the sheet's head says, at most those its bytes have room for."""
    room = member.file_size // _BYTES_A_CELL
    corner = _corner(archive, member)
    return room if corner is None else min(corner[0] * corner[1], max(room, 1) * 64)


def _cells(content: bytes, member: zipfile.ZipInfo, corner: tuple[int, int] | None) -> int:
    """Return how many cells the member spans, at most; raises ValueError where it lies in size."""
    reach: Reach | None = None
    if _is_sheet(member):
        reach = OdsReach() if _is_ods(member) else XlsxReach(corner)
    unpacked = 0
    for piece in _pieces(content, member):
        unpacked += len(piece)
        if unpacked > member.file_size:
            raise ValueError("it unpacks to more than it says")
        if reach is not None and reach.look_through(piece) > CELLS_MOST:
            break
    return reach.cells if reach is not None else 0


def _pieces(content: bytes, member: zipfile.ZipInfo) -> Iterator[bytes]:
    start = member.header_offset
    lengths = content[start + 26 : start + _LOCAL_HEADER]
    skipped = int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    start += _LOCAL_HEADER + skipped
    packed = content[start : start + member.compress_size]
    if member.compress_type == zipfile.ZIP_STORED:
        for place in range(0, len(packed), _PIECE):
            yield packed[place : place + _PIECE]
        return
    if member.compress_type != zipfile.ZIP_DEFLATED:
        raise NotImplementedError("packed in another way than workbooks are")
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    while packed and not unpacking.eof:
        yield unpacking.decompress(packed, _PIECE)
        packed = unpacking.unconsumed_tail
