"""Metadata in and out of formats that libvips does not know. Runs in a worker."""

from typing import Final

import pyvips

from workers.operations.image_colours import PROFILE

EXIF_MARK: Final = b"Exif\x00\x00"
_EXIF: Final = "exif-data"
_XMP: Final = "xmp-data"
# Other decoders give the picture upright; a mark to turn it would turn it again.
_TURNED: Final = ("orientation", "exif-ifd0-Orientation")


def described(
    image: pyvips.Image, exif: bytes = b"", profile: bytes = b"", xmp: bytes = b""
) -> pyvips.Image:
    """Return an upright picture with its metadata, as if libvips had read it; b"" for none."""
    image = image.copy()
    for field, content in ((_EXIF, exif), (PROFILE, profile), (_XMP, xmp)):
        if content:
            image.set_type(pyvips.GValue.blob_type, field, content)
    for field in _TURNED:  # libvips reads the fields of EXIF as soon as it is set
        image.remove(field)
    return image


def exif_of(image: pyvips.Image) -> bytes:
    """Return the EXIF that libvips would write of the picture, from its TIFF header on; or b""."""
    if not image.get_typeof(_EXIF):
        return b""
    # Of the same size, for libvips writes that into EXIF: empty rows take a moment.
    blank = pyvips.Image.black(image.width, image.get_page_height()).copy(
        interpretation="b-w", xres=image.xres, yres=image.yres
    )
    blank.set_type(pyvips.GValue.blob_type, _EXIF, image.get(_EXIF))
    wanted = {field for field in image.get_fields() if field.startswith("exif-")}
    for field in blank.get_fields():
        if (field.startswith("exif-") and field not in wanted) or field in _TURNED:
            blank.remove(field)
    for field in wanted - {_EXIF, *_TURNED}:
        if blank.get_typeof(field) and blank.get(field) == image.get(field):
            continue  # set anew, libvips would write "(C)" for a "©"
        blank.set_type(image.get_typeof(field), field, image.get(field))
    carrier = pyvips.Image.new_from_buffer(blank.pngsave_buffer(keep="exif", compression=1), "")
    return bytes(carrier.get(_EXIF)).removeprefix(EXIF_MARK)
