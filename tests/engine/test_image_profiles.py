"""Colours in wide or printers' profiles become sRGB as Pillow's ImageCms computes them."""

import io
from pathlib import Path

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.engine.pictures import as_pillow_sees, failed, run, step, succeeded, swapped_profile
from workers import Step
from workers.operations.image_colours import in_our_colours

TO_SRGB: Step = step("colour_profile", mode="srgb")
# Primaries of Adobe RGB (1998), adapted to D50, and its gamma; as in the specification's annex.
ADOBE = {b"rXYZ": (0.60974, 0.31111, 0.01947), b"gXYZ": (0.20528, 0.62567, 0.06087)}
ADOBE_BLUE, ADOBE_GAMMA = (0.14919, 0.06322, 0.74457), 563 / 256


def adobe_profile() -> bytes:
    """Return Adobe RGB, made of Pillow's sRGB: other primaries and a plain gamma."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for start in range(132, 132 + 12 * int.from_bytes(made[128:132]), 12):
        tag, place = bytes(made[start : start + 4]), int.from_bytes(made[start + 4 : start + 8])
        if tag in {**ADOBE, b"bXYZ": ADOBE_BLUE}:
            numbers = {**ADOBE, b"bXYZ": ADOBE_BLUE}[tag]
            made[place + 8 : place + 20] = b"".join(_fixed(number) for number in numbers)
        elif tag in (b"rTRC", b"gTRC", b"bTRC"):  # a parametric curve: function 0 is a gamma
            made[place + 8 : place + 16] = bytes(4) + _fixed(ADOBE_GAMMA)
    return bytes(made)


def _fixed(number: float) -> bytes:
    return round(number * 65_536).to_bytes(4, "big", signed=True)


def profile(name: str) -> bytes:
    if name == "adobe":
        return adobe_profile()
    loaded: bytes = pyvips.Image.profile_load(name)
    return loaded


def shades(bands: int) -> NDArray[np.uint8]:
    """Return many colours, half as strong, so that sRGB has room for them."""
    drawn = np.random.default_rng(7).integers(64, 192, (40, 60, bands))
    return drawn.astype(np.uint8)


def by_pillow(picture: Image.Image, icc: bytes) -> Image.Image:
    made = ImageCms.profileToProfile(
        picture,
        ImageCms.ImageCmsProfile(io.BytesIO(icc)),
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        "RGB",
    )
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("name", "mode", "suffix"),
    [
        ("p3", "RGB", ".png"),
        ("adobe", "RGB", ".png"),
        ("cmyk", "CMYK", ".tif"),
    ],
)
def test_profiles_are_converted_as_pillow_converts_them(
    tmp_path: Path, name: str, mode: str, suffix: str
) -> None:
    picture = Image.fromarray(shades(len(mode)), mode=mode)
    picture.save(tmp_path / f"wide{suffix}", icc_profile=profile(name))
    wanted = np.asarray(by_pillow(picture, profile(name)), dtype=float)
    made = succeeded(tmp_path / f"wide{suffix}", TO_SRGB, step("convert", format="png"))
    assert made.mode == "RGB"
    assert np.abs(np.asarray(made, dtype=float) - wanted).max() <= 2
    assert np.abs(np.asarray(picture.convert("RGB"), dtype=float) - wanted).max() > 10
    # What it says of itself now is true: to convert it once more changes nothing.
    again = by_pillow(made, made.info["icc_profile"])
    assert np.abs(np.asarray(again, dtype=float) - wanted).max() <= 3


def test_inks_without_a_profile_leave_none_behind(tmp_path: Path) -> None:
    Image.fromarray(shades(4), mode="CMYK").save(tmp_path / "print.jpg")
    opened = pyvips.Image.new_from_file(str(tmp_path / "print.jpg"), access="sequential")
    assert "icc-profile-data" not in in_our_colours(opened).get_fields()
    made = succeeded(tmp_path / "print.jpg", step("auto_levels"), step("convert", format="jpeg"))
    assert made.mode == "RGB"


def test_a_profile_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    Image.fromarray(shades(3)).save(tmp_path / "wide.png", icc_profile=profile("p3"))
    made = succeeded(
        tmp_path / "wide.png", step("colour_profile", mode="keep"), step("flip"), step("flip")
    )
    assert made.info["icc_profile"] == profile("p3")
    assert np.array_equal(np.asarray(made), shades(3))


def test_grey_stays_grey(tmp_path: Path) -> None:
    grey = Image.fromarray(shades(1)[..., 0])
    grey.save(tmp_path / "plain.png")
    assert np.array_equal(np.asarray(succeeded(tmp_path / "plain.png", TO_SRGB)), np.asarray(grey))
    dotted = pyvips.Image.new_from_file(str(tmp_path / "plain.png")).copy()
    dotted.set_type(pyvips.GValue.blob_type, "icc-profile-data", grey_profile())
    dotted.pngsave(str(tmp_path / "dotted.png"))
    made = succeeded(tmp_path / "dotted.png", TO_SRGB)
    assert made.mode == "L"
    linear = (np.asarray(grey) / 255.0) ** 1.8
    wanted = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(np.asarray(made, dtype=float) - wanted * 255).max() <= 2


def grey_profile() -> bytes:
    """Return a grey profile with a gamma of 1.8."""
    white = b"XYZ " + bytes(4) + b"".join(_fixed(number) for number in (0.9642, 1.0, 0.8249))
    curve = b"curv" + bytes(4) + (1).to_bytes(4) + round(1.8 * 256).to_bytes(2) + bytes(2)
    tags = (2).to_bytes(4)
    place = 132 + 2 * 12
    for tag, content in ((b"wtpt", white), (b"kTRC", curve)):
        tags += tag + place.to_bytes(4) + len(content).to_bytes(4)
        place += len(content)
    head = bytearray(128)
    head[:4], head[8:12] = place.to_bytes(4), b"\x02\x40\x00\x00"
    head[12:24], head[36:40] = b"mntrGRAYXYZ ", b"acsp"
    head[68:80] = white[8:]
    return bytes(head) + tags + white + curve


def test_a_deep_picture_is_stripped_of_its_profile_but_not_of_its_depth(tmp_path: Path) -> None:
    file = tmp_path / "deep.png"
    ramp = np.linspace(16_000, 48_000, 6_000).reshape(60, 100, 1)
    deep = np.concatenate([ramp, ramp[::-1], ramp[:, ::-1]], axis=2).astype(np.uint16)
    picture = pyvips.Image.new_from_array(deep, interpretation="rgb16").copy()
    picture.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile("adobe"))
    picture.pngsave(str(file))
    answer, target = run(file, step("metadata", mode="strip"))
    assert answer == ""

    made = pyvips.Image.new_from_file(str(target))
    assert made.format == "ushort"
    assert not made.get_typeof("icc-profile-data")
    found = made.numpy() / 257
    assert len(np.unique(made.numpy())) > 5_000
    wanted = by_pillow(Image.fromarray((deep / 257).astype(np.uint8)), profile("adobe"))
    assert np.abs(found - np.asarray(wanted)).mean() < 1
    assert np.abs(found - deep / 257).max() > 10


def test_a_broken_profile_spoils_no_picture(tmp_path: Path) -> None:
    Image.fromarray(shades(3)).save(tmp_path / "odd.png", icc_profile=b"no profile at all")
    assert np.array_equal(np.asarray(succeeded(tmp_path / "odd.png", TO_SRGB)), shades(3))
    Image.fromarray(shades(3)).save(tmp_path / "odd.png", icc_profile=swapped_profile())
    content = (tmp_path / "odd.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[:-200])
    assert failed(tmp_path / "cut.png", TO_SRGB).message == "Not a readable PNG (file ends early)."
    assert as_pillow_sees(tmp_path / "odd.png").size == (60, 40)
