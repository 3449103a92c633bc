"""Makes the HEIC files that the doctor and the tests read.

What writes HEIC is under the GPL, so it is no dependency: it is put aside for this script alone.

    pip install --target HEIF pillow-heif
    PYTHONPATH=.:HEIF python packaging/make_heic.py
"""

import importlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from make_probes import quarters
from PIL import Image

from tests.engine.pictures import exif, swapped_profile

_TOP: Final = Path(__file__).resolve().parent.parent
_PROBES: Final = _TOP / "resources" / "probes"
_MATERIAL: Final = _TOP / "tests" / "engine" / "material"
_SIZE: Final = (64, 48)
# Of 10 bits, in the upper ones of 16: the test compares with it.
_DEEP: Final = (20_011, 40_000, 60_000)


def main() -> None:
    """Write one that is turned and has a profile, one of 10 bits, one of three pictures."""
    writer: Any = importlib.import_module("pillow_heif")
    turned = quarters().transpose(Image.Transpose.ROTATE_90)
    writer.from_pillow(turned).save(
        _PROBES / "picture.heic",
        quality=90,
        chroma=444,
        exif=exif(6, has_place=True).tobytes(),
        icc_profile=swapped_profile(),
    )
    pixels = np.empty((_SIZE[1], _SIZE[0], 3), np.uint16)
    pixels[:] = _DEEP
    writer.from_bytes("RGB;16", _SIZE, pixels.tobytes()).save(_MATERIAL / "deep.heic", quality=90)
    three = writer.HeifFile()
    for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255)):
        three.add_from_pillow(Image.new("RGB", _SIZE, colour))
    three.save(_MATERIAL / "three.heic", quality=50, primary_index=1)


if __name__ == "__main__":
    main()
