"""The memory a picture needs, from its header alone: no pixel is decoded. Runs in a worker.

libvips streams: rows flow from the decoder to the encoder, and what takes room is a decoder or an
encoder that holds the whole picture. The bytes a pixel were measured with libvips 8.18 on 1 to
200 megapixels (benchmarks/memory.py), and are rounded up by a tenth.
"""

import os
from typing import Final

from workers.operations.image_decode import (
    ANIMATED,
    BUFFER_LIMIT,
    STREAMED_ORIENTATIONS,
    Header,
    Steps,
    goes_as_one,
    has_frames,
    read_header,
    shrunk_on_load,
)
from workers.operations.image_foreign import READERS, Reader
from workers.operations.image_geometry import Size, active
from workers.operations.image_plan import ImagePlan
from workers.operations.image_watermark import PictureWatermark
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat, picture_format
from workers.operations.watermark_picture import watermark_need
from workers.outcome import Failure

# Of a longer document the others are taken to be like these.
_PAGES_LOOKED_AT: Final = 200
_FIXED: Final = 16 * 2**20
# A picture that a step holds, rounded up.
_COPY: Final = 1.1
# Rows in flight: 1,100 where they only pass (13 MB for RGB of 4,000 pixels), 2,000 where shrinking
# gathers them.
_ROWS_PASSED: Final = 1_250
_ROWS_SHRUNK: Final = 2_200

# JPEG in passes: one 16-bit coefficient for each sample.
_PASSES_SAMPLE: Final = 2.2
_HALF_COLOUR: Final = "4:2:0"
# WebP: a canvas and a frame; shrunk while it loads, a frame without loss is still whole.
_WEBP: Final = 9.0
_WEBP_SHRUNK: Final = 0.5
_WEBP_LOSSLESS_SHRUNK: Final = 5.0
_LOSSY_PIXELS: Final = b"VP8 "
_FIRST_CHUNK: Final = 12
_CHUNKS_BEFORE_PIXELS: Final = 4
# libheif: planes, a copy in RGB and what the codec refers back to.
_HEIF: Final = 18.0
_GIF: Final = 5.5

# Two arrays of 16-bit coefficients, where a second pass writes with code tables made to measure.
_JPEG_SAMPLE: Final = 4.7
# From this quality on libvips keeps colour at full resolution: 3 samples a pixel, else 1.5.
_FULL_COLOUR_FROM: Final = 90
_WEBP_SAVED: Final = 11.0
_WEBP_LOSSLESS_SAVED: Final = 37.0
# An animation is put together in memory: for each of its frames.
_FRAME: Final = 4.5
_FRAME_LOSSLESS: Final = 11.0
# Where frames go through steps one by one: what is decoded, and what becomes of it.
_FRAME_HELD: Final = 1.4
_FRAME_DONE: Final = 3.0
_AVIF_SAVED: Final = 27.0
_AVIF_LOSSLESS_SAVED: Final = 43.0
_GIF_SAVED: Final = 70.0
_JXL_SAVED: Final = 33.0


def picture_need(source: InputFile, plan: ImagePlan, wanted: ImageFormat) -> int:
    """Return the bytes that decoding, the plan and encoding take together at their peak.

    What cannot be opened needs 0: it fails at once. A picture that will be refused for its
    claimed size needs what it claims.
    """
    known = picture_format(source.head, source.suffix)
    if known is not None and known in READERS:
        return _other_need(READERS[known], source, plan, wanted)
    headers = _headers(source, plan, wanted)
    return max((_need(header, source, plan, wanted) for header in headers), default=0)


def _headers(source: InputFile, plan: ImagePlan, wanted: ImageFormat) -> list[Header]:
    """Return the headers of the pages that are worked on, one after the other."""
    first = read_header(source)
    if first is None:
        return []
    if plan.reading.page:
        pages = [plan.reading.page]
    else:
        pages = [*range(2, min(first.frames, _PAGES_LOOKED_AT) + 1)]
        pages = pages if wanted is ImageFormat.TIFF and first.format is ImageFormat.TIFF else []
    found = [read_header(source, page) for page in pages]
    return [first, *(header for header in found if header is not None)]


def _need(header: Header, source: InputFile, plan: ImagePlan, wanted: ImageFormat) -> int:
    need = _FIXED + (source.size if source.size <= BUFFER_LIMIT else 0)
    if _is_rewritten(header, plan, wanted):  # the picture is decoded to check it, then copied
        return int(need + source.size + _decoding(header, ()))
    met = active(header.size, plan.steps)
    final = met[-1][0].after(met[-1][1]) if met else header.size
    is_grey = header.image.interpretation in ("b-w", "grey16")
    colours = 1 if is_grey else 3
    encoding = _encoding(wanted, plan, final.area, colours=colours, sample=header.sample_bytes)
    if header.frames > 1 and header.format in ANIMATED and wanted is ImageFormat.WEBP:
        lossless = plan.encoding.is_lossless
        encoding += header.frames * (_FRAME_LOSSLESS if lossless else _FRAME)
    pixel = header.bands * header.sample_bytes
    if plan.encoding.most_bytes:  # encoded several times
        encoding += pixel * _COPY * (header.frames if header.format in ANIMATED else 1)
    steps = _holding(header.size, plan.steps, pixel)
    steps += _watermarks(header.size, plan.steps)
    if _holds_frames(header, plan, wanted):
        steps += header.frames * pixel * (_FRAME_HELD * header.size.area + _FRAME_DONE * final.area)
    return int(need + _decoding(header, plan.steps) + steps + final.area * encoding)


def held_need(source: InputFile) -> int:
    """Return the bytes of all pixels of a picture; what its steps make may hold fewer."""
    known = picture_format(source.head, source.suffix)
    if known is not None and known in READERS:
        claim = READERS[known].claim(source)
        if isinstance(claim, Failure):
            return 0
        return claim.size.area * claim.bands * claim.sample_bytes
    header = read_header(source)
    return 0 if header is None else int(header.size.area * header.bands * header.sample_bytes)


def _other_need(reader: Reader, source: InputFile, plan: ImagePlan, wanted: ImageFormat) -> int:
    """Return the need of a picture that another library than libvips decodes."""
    claim = reader.claim(source)
    if isinstance(claim, Failure):
        return 0
    met = active(claim.size, plan.steps) if claim.size.area else []
    final = met[-1][0].after(met[-1][1]) if met else claim.size
    pixel = claim.bands * claim.sample_bytes
    steps = 0.0
    if claim.size.area:
        steps = _holding(claim.size, plan.steps, pixel) + _watermarks(claim.size, plan.steps)
    colours = 1 if claim.bands < _RGB else 3
    encoding = _encoding(wanted, plan, final.area, colours=colours, sample=claim.sample_bytes)
    if plan.encoding.most_bytes:
        encoding += pixel * _COPY
    decoding = claim.size.area * reader.pixel_bytes
    return int(_FIXED + source.size + decoding + steps + final.area * encoding)


_RGB: Final = 3


def _holds_frames(header: Header, plan: ImagePlan, wanted: ImageFormat) -> bool:
    """Say whether all frames of an animation are decoded before one is saved."""
    if header.frames == 1 or header.format not in ANIMATED or plan.reading.page:
        return False
    if wanted is ImageFormat.TIFF:
        return True
    return has_frames(header, wanted) and not goes_as_one(header, plan.steps)


def decoding_need(source: InputFile, steps: Steps) -> int:
    """Return the bytes that decoding and the steps take, without the picture they make."""
    known = picture_format(source.head, source.suffix)
    if known is not None and known in READERS:
        claim = READERS[known].claim(source)
        decoding = 0 if isinstance(claim, Failure) else claim.size.area * READERS[known].pixel_bytes
        return int(source.size + decoding)
    header = read_header(source)
    if header is None:
        return 0
    content = source.size if source.size <= BUFFER_LIMIT else 0
    return int(content + _decoding(header, steps))


def _is_rewritten(header: Header, plan: ImagePlan, wanted: ImageFormat) -> bool:
    """Say whether the file gets other metadata without being encoded again."""
    is_same = plan.is_metadata_only and header.format is wanted
    if not is_same or header.file_size > BUFFER_LIMIT:
        return False
    if plan.metadata == "keep" and not plan.texts:
        return True
    has_profile = bool(header.image.get_typeof("icc-profile-data"))
    return wanted is ImageFormat.JPEG and not (plan.metadata == "strip" and has_profile)


def _holding(size: Size, steps: Steps, pixel: int) -> float:
    """Return the bytes of what steps hold: a copy is let go only when the next one is made."""
    held = [step.held(before).area * pixel * _COPY for step, before in active(size, steps)]
    return max((sum(held[place : place + 2]) for place in range(len(held))), default=0.0)


def _watermarks(size: Size, steps: Steps) -> float:
    """Return the bytes of the watermarks, which are held until the picture is saved."""
    need = 0.0
    for step, before in active(size, steps):
        need += step.carried(before)
        if isinstance(step, PictureWatermark):
            need += watermark_need(step.picture, step.box(before))
    return need


def _decoding(header: Header, steps: Steps) -> float:
    """Return the bytes for rows in flight and for what the decoder must hold."""
    pixel = header.bands * header.sample_bytes
    area = header.size.area
    is_passed = not active(header.size, steps)
    rows = min(_ROWS_PASSED if is_passed else _ROWS_SHRUNK, int(header.image.height))
    width = int(header.image.width)
    is_upright = header.orientation in STREAMED_ORIENTATIONS
    shrunk = shrunk_on_load(header, steps)
    scaled = header.size if shrunk is None else shrunk.largest(header.size)
    if shrunk and header.format is ImageFormat.WEBP:  # its rows come in their new size
        width = min(width, 2 * max(scaled.width, scaled.height))
    passing = width * pixel * rows
    if header.is_bomb:
        return passing + area * pixel
    turned = 0 if is_upright else scaled.area
    return passing + area * _held(header, is_shrunk=shrunk is not None) + turned * pixel


def _held(header: Header, *, is_shrunk: bool) -> float:
    """Return the bytes a pixel of a decoder that cannot stream."""
    bands = header.bands
    match header.format:
        case ImageFormat.JPEG if not header.is_streamed:
            is_half = header.text("jpeg-chroma-subsample") == _HALF_COLOUR
            return _PASSES_SAMPLE * bands * (0.5 if is_half else 1.0)
        case ImageFormat.WEBP if is_shrunk:
            return _WEBP_LOSSLESS_SHRUNK if _is_lossless(header) else _WEBP_SHRUNK
        case ImageFormat.WEBP:
            return _WEBP
        case ImageFormat.GIF:
            return _GIF
        case ImageFormat.AVIF:
            return _HEIF
        case _:
            return 0.0 if header.is_streamed else bands * header.sample_bytes * 1.1


def _is_lossless(header: Header) -> bool:
    """Look for the chunk of a WebP's pixels, behind its profile and the like; True when unsure."""
    source = header.content
    if not isinstance(source, InputFile):
        return True
    try:
        return _LOSSY_PIXELS not in _first_chunks(source)
    except OSError:  # the disk refuses to give the content; the run will say so
        return True


def _first_chunks(source: InputFile) -> list[bytes]:
    """Return the names of the first chunks of a WebP."""
    descriptor, place = source.fileno(), _FIRST_CHUNK
    names: list[bytes] = []
    for _ in range(_CHUNKS_BEFORE_PIXELS):
        os.lseek(descriptor, place, os.SEEK_SET)
        chunk = os.read(descriptor, 8)
        names.append(chunk[:4])
        length = int.from_bytes(chunk[4:], "little")
        place += len(chunk) + length + length % 2
    return names


def _encoding(
    wanted: ImageFormat, plan: ImagePlan, pixels: int, *, colours: int, sample: int
) -> float:
    """Return the bytes a pixel of the encoder; large JPEGs, PNG in one pass and TIFF stream."""
    encoding = plan.encoding
    match wanted:
        case ImageFormat.JPEG if encoding.has_own_codes(pixels):
            is_half = encoding.quality < _FULL_COLOUR_FROM
            return _JPEG_SAMPLE * (1.0 if colours == 1 else 1.5 if is_half else 3.0)
        case ImageFormat.PNG if encoding.is_progressive:
            return (colours + 1) * sample * 1.1
        case ImageFormat.WEBP:
            return _WEBP_LOSSLESS_SAVED if encoding.is_lossless else _WEBP_SAVED
        case ImageFormat.AVIF:
            return _AVIF_LOSSLESS_SAVED if encoding.is_lossless else _AVIF_SAVED
        case ImageFormat.GIF:
            return _GIF_SAVED
        case ImageFormat.JXL:
            return _JXL_SAVED
        case _:
            return 0.0
