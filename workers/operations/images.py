"""The image operations: consecutive steps become one decode and one encode.

Light to import; libvips is loaded by the first `run` of a worker.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from workers.job import Kind, ParameterValue, Step
from workers.operations import (
    Companion,
    companion_path,
    image_companions,
    image_declarations,
    image_reading,
    image_reduce,
    image_reduce_declarations,
    watermark_declarations,
)
from workers.operations.declaration import Operation, Parameter, ParameterKind
from workers.operations.image_companions import save_companions
from workers.operations.image_geometry import ATTENTION, GRAVITIES
from workers.operations.image_plan import (
    CONVERTED,
    WITH_QUALITY,
    ImagePlan,
    format_word,
    output_suffix as plain_suffix,
    plan_steps,
)
from workers.operations.image_reduce import (
    combine as combine,
    combined_name as combined_name,
    combined_need as combined_need,
)
from workers.operations.image_watermark import Watermark
from workers.operations.input_file import InputFile
from workers.operations.kinds import ImageFormat, format_of_suffix
from workers.outcome import Failure, FailureKind, Salvaged

if TYPE_CHECKING:
    from workers.operations.image_decode import Decoded

_WITHOUT_EXIF: Final = (ImageFormat.TIFF, ImageFormat.GIF)  # as libvips writes them
_PIXEL_MAXIMUM: Final = 65_500  # the JPEG library's own limit


def run(steps: Sequence[Step], source: InputFile, target: Path) -> Failure | str:
    """Run the steps on one picture and write `target`, in the format of its suffix.

    Returns a warning sentence or "". Raises OSError when the output cannot be written.
    """
    from workers.operations.image_metadata import rewrite_metadata

    plan = planned(steps)
    if plan.is_metadata_only and not image_reduce.is_hashed(steps):
        rewritten = rewrite_metadata(source, plan, target)
        if rewritten is not None:
            return rewritten
    answer = _attempt(plan, steps, source, target)
    is_damaged = isinstance(answer, Failure) and answer.kind is FailureKind.BAD_INPUT
    if not (is_damaged and plan.reading.salvages):
        return answer
    for begun in (target, *(companion_path(target, e) for e in companions(steps, target.suffix))):
        begun.unlink(missing_ok=True)
    lenient = msgspec.structs.replace(plan.reading, is_lenient=True)
    salvaged = _attempt(msgspec.structs.replace(plan, reading=lenient), steps, source, target)
    if isinstance(salvaged, Failure):
        return answer
    assert isinstance(answer, Failure)
    return Salvaged(f"{answer.message} It was saved as far as it reads. {salvaged}".strip())


def _attempt(
    plan: ImagePlan, steps: Sequence[Step], source: InputFile, target: Path
) -> Failure | str:
    """Decode, apply the steps and save, all pages where the format has them."""
    if image_reduce.is_hashed(steps):
        return image_reduce.write_hash(plan, source, target)
    from workers.operations.image_decode import decode
    from workers.operations.image_pages import page_count, save_pages

    wanted = format_of_suffix(target.suffix) or ImageFormat.PNG
    count = page_count(source, plan, wanted)
    if count > 1:
        saved = save_pages(source, plan, target, count)
        if isinstance(saved, Failure) or not companions(steps, target.suffix):
            return saved
        plan = msgspec.structs.replace(plan, reading=msgspec.structs.replace(plan.reading, page=1))
    decoded = decode(source, plan.steps, wanted, plan.reading)
    if isinstance(decoded, Failure):
        return decoded
    if count > 1:
        return _saved_beside(decoded, plan, steps, target) or saved
    failure = _saved(decoded, plan, steps, target)
    if failure is not None:
        return failure
    if plan.texts and wanted in _WITHOUT_EXIF:
        said = f"{wanted.value} holds no copyright or artist here; they were not written."
        return f"{decoded.warning} {said}".strip()
    lost = plan.names_metadata and plan.metadata == "keep" and wanted in _WITHOUT_EXIF
    if lost and decoded.image.get_typeof("exif-data"):
        return f"{decoded.warning} {wanted.value} holds no camera details; they were lost.".strip()
    return decoded.warning


def _saved_beside(
    decoded: "Decoded", plan: ImagePlan, steps: Sequence[Step], target: Path
) -> Failure | None:
    """Write the companions of a picture of many pages, which are of its first."""
    from workers.operations.image_encode import in_memory

    held = in_memory(decoded)
    return held if isinstance(held, Failure) else save_companions(held, plan, steps, target)


def _saved(
    decoded: "Decoded", plan: ImagePlan, steps: Sequence[Step], target: Path
) -> Failure | None:
    """Write the picture and its companions; computed once, where there are some."""
    from workers.operations.image_encode import encode, in_memory

    wanted = format_of_suffix(target.suffix) or ImageFormat.PNG
    if not companions(steps, target.suffix):
        return encode(decoded, plan, target, wanted)
    held = in_memory(decoded)
    if isinstance(held, Failure):
        return held
    failure = encode(held, plan, target, wanted)
    return failure or save_companions(held, plan, steps, target)


def planned(steps: Sequence[Step]) -> ImagePlan:
    """Return what the steps ask for, a reduce step as the plain ones that it stands for."""
    return plan_steps([_completed(step) for step in image_reduce.expanded(steps)])


def output_suffix(steps: Sequence[Step], suffix: str) -> str:
    """Return the last conversion's suffix, else the input's own where we write that format."""
    hashed = image_reduce.partial_suffix(steps)
    return hashed or plain_suffix(image_reduce.expanded(steps), suffix)


def companions(steps: Sequence[Step], suffix: str) -> tuple[Companion, ...]:
    """Return what `run` writes beside the output for an input with `suffix`."""
    return image_companions.companions(steps, output_suffix(steps, suffix))


def refusal(steps: Sequence[Step]) -> str:
    """Return why no picture can go through the steps here, as a sentence, or ""."""
    plan = planned(steps)
    watermarks = [step for step in plan.steps if isinstance(step, Watermark)]
    if not watermarks:
        return ""
    from workers.operations.image_watermarked import unusable

    return next(filter(None, map(unusable, watermarks)), "")


def memory_need(steps: Sequence[Step], source: InputFile) -> int:
    """Return the bytes that `run` takes at its peak, from the picture's header alone."""
    from workers.operations.image_memory import held_need, picture_need

    wanted = format_of_suffix(output_suffix(steps, source.suffix)) or ImageFormat.PNG
    need = picture_need(source, planned(steps), wanted)
    if need and companions(steps, source.suffix):  # the finished picture is held for all of them
        need += held_need(source)
    return need


def _completed(step: Step) -> Step:
    by_id = {operation.id: operation for operation in OPERATIONS}
    return msgspec.structs.replace(step, parameters=by_id[step.operation].complete(step.parameters))


def _resize_summary(values: Mapping[str, ParameterValue]) -> str:
    mode = values["mode"]
    may = "" if values["never_enlarge"] or mode == "exact" else ", may enlarge"
    if mode == "percent":
        return f"to {values['percent']:g} %"
    if mode in ("long_edge", "short_edge"):
        return f"{str(mode).replace('_', ' ')} {values['edge']} px{may}"
    if mode == "megapixels":
        return f"to {values['megapixels']:g} megapixels{may}"
    words = {"fit": "fit into", "fill": "fill", "exact": "exactly"}[str(mode)]
    return f"{words} {values['width']} × {values['height']}{may}"


def _convert_summary(values: Mapping[str, ParameterValue]) -> str:
    word = format_word(str(values["format"]))
    smallest = ", smallest" if values["smallest"] else ""
    if word in ("PNG", "TIFF", "GIF"):
        return word + (smallest if word == "PNG" else "")
    most = f", at most {values['max_kilobytes']:,} kB" if values["max_kilobytes"] else ""
    if values["lossless"] and word != "JPEG":
        return f"{word}, lossless{smallest}{most}"
    progressive = ", progressive" if word == "JPEG" and values["progressive"] else ""
    return f"{word}, quality {values['quality']}{progressive}{smallest}{most}"


def _metadata_summary(values: Mapping[str, ParameterValue]) -> str:
    words = {"keep": "keep all", "strip": "remove all", "strip_location": "remove location"}
    named = [f"{name} {values[name]}" for name in ("copyright", "artist") if values[name]]
    return ", ".join([words[str(values["mode"])], *named])


def _upright_summary(_values: Mapping[str, ParameterValue]) -> str:
    return "turned by the camera's mark"


def _pixels(name: str, label: str, sentence: str, *modes: str) -> Parameter:
    return Parameter(
        name,
        ParameterKind.INTEGER,
        label,
        sentence,
        1024,
        unit="px",
        minimum=1,
        maximum=_PIXEL_MAXIMUM,
        shown_when=("mode", modes),
    )


_RESIZE: Final = (
    Parameter(
        "mode",
        ParameterKind.CHOICE,
        "Mode",
        "How the new size is found: fit inside a box, fill a box and cut what stands over, "
        "exactly a size (stretched), percent of the own size, by the long or short edge, or by "
        "megapixels.",
        "fit",
        choices=(
            *("fit", "fill", "exact", "percent", "long_edge"),
            *("short_edge", "megapixels"),
        ),
    ),
    _pixels("width", "Width", "Width of the box.", "fit", "fill", "exact"),
    _pixels("height", "Height", "Height of the box.", "fit", "fill", "exact"),
    Parameter(
        "percent",
        ParameterKind.NUMBER,
        "Percent",
        "The new size in percent of the picture's own.",
        50,
        unit="%",
        minimum=0.1,
        maximum=1000,
        shown_when=("mode", ("percent",)),
    ),
    _pixels("edge", "Edge", "Length of the longer or shorter side.", "long_edge", "short_edge"),
    Parameter(
        "megapixels",
        ParameterKind.NUMBER,
        "Megapixels",
        "How many million pixels the picture has then.",
        2.0,
        minimum=0.01,
        maximum=1000,
        shown_when=("mode", ("megapixels",)),
    ),
    Parameter(
        "gravity",
        ParameterKind.CHOICE,
        "Keep",
        "The part that stays where a filled box cuts; attention looks for what catches the eye.",
        "centre",
        choices=(*GRAVITIES, ATTENTION),
        shown_when=("mode", ("fill",)),
    ),
    Parameter(
        "never_enlarge",
        ParameterKind.FLAG,
        "Never enlarge",
        "Leave pictures that are already small enough at their size.",
        True,
        shown_when=(
            "mode",
            ("fit", "fill", "percent", "long_edge", "short_edge", "megapixels"),
        ),
    ),
)
_CONVERT: Final = (
    Parameter(
        "format",
        ParameterKind.CHOICE,
        "Format",
        "The format that pictures are saved in.",
        "jpeg",
        choices=tuple(CONVERTED),
    ),
    Parameter(
        "quality",
        ParameterKind.INTEGER,
        "Quality",
        "Higher looks better and takes more room; PNG and TIFF never lose anything, and a GIF "
        "has 256 colours.",
        82,
        minimum=1,
        maximum=100,
        shown_when=("format", WITH_QUALITY),
    ),
    Parameter(
        "lossless",
        ParameterKind.FLAG,
        "Lossless",
        "Keep every pixel as it is; quality then does not matter.",
        False,
        shown_when=("format", ("webp", "avif", "jxl")),
    ),
    Parameter(
        "progressive",
        ParameterKind.FLAG,
        "Progressive",
        "Let the picture appear in passes while it loads.",
        False,
        shown_when=("format", ("jpeg", "png")),
    ),
    Parameter(
        "smallest",
        ParameterKind.FLAG,
        "Smallest files",
        "Work two to five times as long for files about a tenth smaller that look the same.",
        False,
        shown_when=("format", ("jpeg", "png", "webp", "avif")),
    ),
    Parameter(
        "max_kilobytes",
        ParameterKind.INTEGER,
        "At most",
        "The most that a file may take; its quality is lowered as far as that needs. 0 sets no "
        "limit.",
        0,
        unit="kB",
        minimum=0,
        maximum=1_000_000,
        shown_when=("format", WITH_QUALITY),
        least_word="no limit",
    ),
)
_METADATA: Final = (
    Parameter(
        "mode",
        ParameterKind.CHOICE,
        "Metadata",
        "What becomes of camera details, location and captions.",
        "keep",
        choices=("keep", "strip", "strip_location"),
    ),
    watermark_declarations.line(
        "copyright",
        "Copyright",
        "Written into the camera details (JPEG, PNG, WebP, AVIF); empty leaves what is there.",
        "",
    ),
    watermark_declarations.line("artist", "Artist", "Who made the picture, likewise.", ""),
)

OPERATIONS: Final = (
    image_reading.OPERATION,
    Operation(
        "images.auto_orient",
        "Turn upright",
        "Turns pictures the way the camera was held; every other picture step does so as well.",
        Kind.IMAGE,
        (),
        _upright_summary,
    ),
    Operation(
        "images.resize",
        "Resize",
        "Changes the size of pictures.",
        Kind.IMAGE,
        _RESIZE,
        _resize_summary,
    ),
    Operation(
        "images.convert",
        "Convert",
        "Saves pictures in another format.",
        Kind.IMAGE,
        _CONVERT,
        _convert_summary,
    ),
    Operation(
        "images.metadata",
        "Metadata",
        "Keeps or removes camera details, location and captions; writes copyright and artist.",
        Kind.IMAGE,
        _METADATA,
        _metadata_summary,
    ),
    *image_declarations.SHAPES,
    *image_declarations.TONES,
    *watermark_declarations.WATERMARKS,
    image_companions.OPERATION,
    *image_reduce_declarations.OPERATIONS,
)
