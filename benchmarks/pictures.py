"""Pictures to measure with: camera-like JPEGs of 12 megapixels and screenshots as PNG.

Every picture is drawn from its number alone: the same on each computer that has the same
libraries. A photo is one of the samples, blown up and turned about, under noise of several scales;
the finest of it comes and goes across the picture, as leaves and sky do, so that the JPEG weighs
3 to 6 MB like a camera's. A screenshot has flat areas, a shaded bar and lines of small hard edges
like text.
"""

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from benchmarks.measuring import ROOT

PHOTO_WIDTH: Final = 4000
PHOTO_HEIGHT: Final = 3000
SCREEN_WIDTH: Final = 1920
SCREEN_HEIGHT: Final = 1080
PHOTOS: Final = "photos"
SCREENS: Final = "screens"

_CAMERA_QUALITY: Final = 92
_SAMPLES: Final = (
    "harbour-at-dawn.jpg",
    "ridge-walk.jpg",
    "valley.jpg",
    "evening-hills.jpg",
    "northern-coast.jpg",
    "stone-01.jpg",
)
# Width of a noise's grains in pixels, and how strong it is.
_GRAINS: Final = ((256, 12.0), (64, 9.0), (16, 7.0), (4, 7.0))
_FINEST: Final = 11.0
_GLYPH_HEIGHT: Final = 11
_GLYPH_WIDTH: Final = 7
_LINE_HEIGHT: Final = 18


def make_pictures(tree: Path, kinds: Collection[str], count: int) -> None:
    """Write `count` pictures of each kind below `tree`, by all cores."""
    # Not forked: this program may have loaded libvips, which does not outlive a fork.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for kind, make in ((PHOTOS, _make_photo), (SCREENS, _make_screen)):
            if kind in kinds:
                (tree / kind).mkdir(parents=True)
                list(pool.map(partial(make, tree / kind), range(count)))


def pictures_in(tree: Path, kind: str) -> list[Path]:
    """Return the photos or the screenshots of a tree, in the order of their names."""
    return sorted((tree / kind).iterdir())


def _make_photo(folder: Path, number: int) -> None:
    import numpy as np
    import pyvips

    pyvips.concurrency_set(1)
    chance = np.random.default_rng(number)
    picture = _scene(chance)
    for grain, strength in _GRAINS:
        picture = picture + _noise(chance, grain, bands=3) * strength
    # Where the mask is low there is hardly any fine grain: sky, walls, out of focus.
    mask = (_noise(chance, 400, bands=1) + 0.6).cast("float")
    mask = (mask > 0).ifthenelse(mask, 0.0) * 0.8 + 0.15
    picture = picture + _noise(chance, 1, bands=1) * mask * _FINEST
    # Nothing of the sample's metadata: some are turned by a mark, which peers heed or not.
    file = folder / f"photo-{number:03d}.jpg"
    picture.cast("uchar").copy(interpretation="srgb").jpegsave(
        str(file), Q=_CAMERA_QUALITY, subsample_mode="on", keep="none"
    )


def _scene(chance: Any) -> Any:  # noqa: ANN401 - NumPy's generator, libvips' picture
    """Return a sample as a large picture of floats, mirrored and shifted by chance."""
    import pyvips

    name = _SAMPLES[int(chance.integers(len(_SAMPLES)))]
    sample = pyvips.Image.new_from_file(str(ROOT / "resources" / "samples" / "pictures" / name))
    if chance.integers(2):
        sample = sample.fliphor()
    width = int(sample.width * chance.uniform(0.6, 1.0))
    height = min(sample.height, width * PHOTO_HEIGHT // PHOTO_WIDTH)
    left = int(chance.integers(sample.width - width + 1))
    top = int(chance.integers(sample.height - height + 1))
    part = sample.extract_area(left, top, width, height)
    across, down = PHOTO_WIDTH / width, PHOTO_HEIGHT / height
    large = part.resize(across, vscale=down, kernel="cubic")
    whole = large.crop(0, 0, min(large.width, PHOTO_WIDTH), min(large.height, PHOTO_HEIGHT))
    filled = whole.embed(0, 0, PHOTO_WIDTH, PHOTO_HEIGHT, extend="copy")
    return (filled.colourspace("srgb").cast("float") - 128) * 0.85 + 128


def _noise(chance: Any, grain: int, *, bands: int) -> Any:  # noqa: ANN401 - as above
    """Return noise of deviation 1 whose grains are so many pixels wide, as large as a photo."""
    import numpy as np
    import pyvips

    width, height = -(-PHOTO_WIDTH // grain) + 4, -(-PHOTO_HEIGHT // grain) + 4
    drawn = chance.standard_normal((height, width, bands), dtype=np.float32)
    noise = pyvips.Image.new_from_array(drawn)
    if grain > 1:
        noise = noise.resize(grain, kernel="cubic")
    return noise.crop(grain, grain, PHOTO_WIDTH, PHOTO_HEIGHT)


def _make_screen(folder: Path, number: int) -> None:
    import numpy as np
    from PIL import Image

    chance = np.random.default_rng(1_000_000 + number)
    screen = np.empty((SCREEN_HEIGHT, SCREEN_WIDTH, 3), np.uint8)
    shade = np.linspace(40, 110, SCREEN_WIDTH)
    screen[:] = np.stack([shade * 0.5, shade * 0.8, shade], axis=-1).astype(np.uint8)
    alphabet = _alphabet(chance)
    for _ in range(int(chance.integers(3, 6))):
        _draw_window(screen, chance, alphabet)
    Image.fromarray(screen).save(folder / f"screen-{number:03d}.png", compress_level=6)


def _alphabet(chance: Any) -> Sequence[Any]:  # noqa: ANN401 - NumPy's generator
    """Return letters of one and two pixel wide strokes, with their softened edges."""
    import numpy as np

    letters = []
    for _ in range(40):
        letter = np.zeros((_GLYPH_HEIGHT, _GLYPH_WIDTH), np.float32)
        letter[1:-1, int(chance.integers(0, 3))] = 1
        letter[int(chance.integers(1, _GLYPH_HEIGHT - 1)), 1:-1] = 1
        letter[1:-1, int(chance.integers(3, _GLYPH_WIDTH - 1))] = chance.choice([0.0, 0.4, 1.0])
        letter[int(chance.integers(1, _GLYPH_HEIGHT - 1)), 1:-2] = chance.choice([0.4, 1.0])
        letters.append(letter[..., None])
    return letters


def _draw_window(screen: Any, chance: Any, alphabet: Sequence[Any]) -> None:  # noqa: ANN401
    """Draw a light or dark window with a shaded bar and lines of text."""
    import numpy as np

    width, height = int(chance.integers(700, 1400)), int(chance.integers(400, 900))
    left = int(chance.integers(0, SCREEN_WIDTH - width))
    top = int(chance.integers(0, SCREEN_HEIGHT - height))
    window = screen[top : top + height, left : left + width]
    is_dark = bool(chance.integers(2))
    paper, ink = (32.0, 220.0) if is_dark else (250.0, 30.0)
    window[:] = int(paper)
    bar = np.linspace(0.75, 1.0, 32)[:, None, None] * chance.integers(60, 220, 3)
    window[:32] = bar.astype(np.uint8)
    for line in range(44, height - _LINE_HEIGHT, _LINE_HEIGHT):
        end = int(width * chance.uniform(0.3, 0.95))
        for place in range(16, end - _GLYPH_WIDTH, _GLYPH_WIDTH + 1):
            if chance.random() < 0.17:  # the space between words
                continue
            letter = alphabet[int(chance.integers(len(alphabet)))]
            area = window[line : line + _GLYPH_HEIGHT, place : place + _GLYPH_WIDTH]
            area[:] = (paper + letter * (ink - paper)).astype(np.uint8)
