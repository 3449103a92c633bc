"""The programs that do picture work, each as the command line that is quickest for it.

All get as many processes (or threads, where that is their way) as there are workers, and hints
that let the decoder leave pixels out where they know such. Whoever is not there is named with how
to install it. ImageMagick's name is taken by stand-ins: only a program is asked, not a script.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.picture_works import Work

OURS: Final = "Everycore"
FLOOR: Final = "floor"
_ASK_S: Final = 20.0
# The quickest that gives enough pixels: the decoder takes the next larger of its eighths. Twice the
# edge, as manuals have it, decodes 4000 pixels in full and takes four times as long.
_HINT: Final = 1
_SHARP: Final = """
const [edge, quality, suffix, out, workers, ...files] = process.argv.slice(1);
const sharp = require("sharp"), path = require("path");
sharp.concurrency(1);
sharp.cache(false);
async function take() {
  for (let file; (file = files.shift()); ) {
    let picture = sharp(file, { sequentialRead: true });
    if (+edge)
      picture = picture.resize(+edge, +edge, { fit: "inside", withoutEnlargement: true });
    const options = { quality: +quality };
    picture = suffix === "jpg" ? picture.jpeg(options) : picture.webp(options);
    await picture.toFile(path.join(out, path.parse(file).name + "." + suffix));
  }
}
Promise.all(Array.from({ length: +workers }, take));
"""


class Call(NamedTuple):
    """What one pass is about."""

    work: Work
    files: Sequence[str]
    out: str
    workers: int


class Line(NamedTuple):
    """A command line, what it reads and what it needs in its environment."""

    words: list[str]
    stdin: str = ""
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to do the works; `version` is "" where it is not installed."""

    name: str
    install: str
    version: Callable[[], str]
    line: Callable[[Call], Line]
    works: tuple[str, ...] = ("fit_jpeg", "fit_webp", "png_to_webp", "reencode")


_FITS: Final = ("fit_jpeg", "fit_webp")


def _ours(call: Call) -> Line:
    pipeline = Path.cwd() / "pipeline.toml"
    pipeline.write_text(call.work.pipeline(), encoding="utf-8")
    words = [sys.executable, "-m", "workers", "run", str(pipeline), *call.files, "--json"]
    return Line([*words, "--fresh", "--workers", str(call.workers), "--output", call.out])


def _script(name: str) -> Callable[[Call], Line]:
    def line(call: Call) -> Line:
        work = call.work
        order = [str(work.edge), str(work.quality), work.suffix, call.out]
        code = "from benchmarks.picture_scripts import main; main()"
        words = [sys.executable, "-c", code, name, str(call.workers)]
        return Line([*words, *order, *call.files])

    return line


def _imagemagick(call: Call) -> Line:
    work, hint = call.work, f"{call.work.edge * _HINT}x{call.work.edge * _HINT}"
    before = ["-define", f"jpeg:size={hint}"] if work.edge else []
    resize = ["-resize", f"{work.edge}x{work.edge}"] if work.edge else []
    words = [_imagemagick_program(), *before, "{}", *resize, "-quality", str(work.quality)]
    return _in_parallel([*words, _named(call, "{/.}")], call)


def _graphicsmagick(call: Call) -> Line:
    work, hint = call.work, f"{call.work.edge * _HINT}x{call.work.edge * _HINT}"
    before = ["-size", hint] if work.edge else []
    resize = ["-resize", f"{work.edge}x{work.edge}"] if work.edge else []
    words = ["gm", "convert", *before, "{}", *resize, "-quality", str(work.quality)]
    return _in_parallel([*words, _named(call, "{/.}")], call)


def _cwebp(call: Call) -> Line:
    words = ["cwebp", "-quiet", "-q", str(call.work.quality), "{}", "-o", _named(call, "{/.}")]
    return _in_parallel(words, call)


def _vipsthumbnail(call: Call) -> Line:
    threads = (("VIPS_CONCURRENCY", str(call.workers)),)
    return Line([*_thumbnail_words(call), *call.files], environment=threads)


def _vipsthumbnail_parallel(call: Call) -> Line:
    line = _in_parallel([*_thumbnail_words(call), "{}"], call, "-m")
    return line._replace(environment=(*line.environment, ("VIPS_CONCURRENCY", "1")))


def _thumbnail_words(call: Call) -> list[str]:
    work = call.work
    options = f"Q={work.quality}" + (",optimize_coding" if work.suffix == "jpg" else "")
    size = f"{work.edge}x{work.edge}"
    return ["vipsthumbnail", "--size", size, "-o", f"{_named(call, '%s')}[{options}]"]


def _sharp(call: Call) -> Line:
    work = call.work
    order = [str(work.edge), str(work.quality), work.suffix, call.out, str(call.workers)]
    # Each picture in the making holds one of Node's threads.
    threads = (("UV_THREADPOOL_SIZE", str(max(4, call.workers))),)
    return Line(["node", "-e", _SHARP, "--", *order, *call.files], environment=threads)


def _named(call: Call, stem: str) -> str:
    return f"{call.out}/{stem}.{call.work.suffix}"


def _in_parallel(words: list[str], call: Call, *options: str) -> Line:
    parallel = ["parallel", "--will-cite", "-j", str(call.workers), *options, "--quote"]
    folder = (("PARALLEL_HOME", str(Path.cwd())),)
    return Line([*parallel, *words], stdin="\n".join(call.files), environment=folder)


def _imagemagick_program() -> str:
    """Return the real program: the first that is no script and says who it is."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    places = (shutil.which(name, path=one) for name in ("magick", "convert") for one in folders)
    programs = (found for found in places if found and Path(found).read_bytes()[:2] != b"#!")
    return next((one for one in programs if "ImageMagick" in _said([one, "--version"])), "")


def _imagemagick_version() -> str:
    program = _imagemagick_program()
    return _with_parallel(lambda: _number([program, "--version"])) if program else ""


def _with_parallel(ask: Callable[[], str]) -> str:
    """Return a version, unless GNU parallel is missing; moreutils has another of its name."""
    return ask() if "GNU" in _said(["parallel", "--version"]) else ""


def _number(words: Sequence[str]) -> str:
    """Return the version number that a program says first, or ""."""
    found = re.search(r"\d+\.\d[\d.]*(-\d+)?", _said(words))
    return found[0] if found else ""


def _said(words: Sequence[str]) -> str:
    if shutil.which(words[0]) is None:
        return ""
    ran = subprocess.run(words, capture_output=True, text=True, timeout=_ASK_S, check=False)
    return ran.stdout + ran.stderr if ran.returncode == 0 else ""


def _sharp_version() -> str:
    told = _said(
        ["node", "-p", "const v = require('sharp').versions; `${v.sharp} (vips ${v.vips})`"]
    )
    return told.strip()


def _vips_version() -> str:
    import pyvips

    numbers = ".".join(str(pyvips.version(place)) for place in range(3))
    return f"pyvips {version('pyvips')} (vips {numbers})"


_BY_APT: Final = "apt-get install"
_THUMBNAIL_SAYS: Final = ["vipsthumbnail", "--version"]
_EVERY_PEER: Final = (
    Peer(FLOOR, "", _vips_version, _script("shards")),
    Peer("pyvips + Pool", "", _vips_version, _script("vips")),
    Peer("Pillow LANCZOS + Pool", "", lambda: version("pillow"), _script("pillow_lanczos")),
    Peer("Pillow draft + Pool", "", lambda: version("pillow"), _script("pillow_draft"), _FITS),
    Peer(
        "ImageMagick + parallel",
        f"{_BY_APT} imagemagick parallel",
        _imagemagick_version,
        _imagemagick,
    ),
    Peer(
        "GraphicsMagick + parallel",
        f"{_BY_APT} graphicsmagick parallel",
        lambda: _with_parallel(lambda: _number(["gm", "version"])),
        _graphicsmagick,
    ),
    Peer(
        "vipsthumbnail",
        f"{_BY_APT} libvips-tools",
        lambda: _number(_THUMBNAIL_SAYS),
        _vipsthumbnail,
        _FITS,
    ),
    Peer(
        "vipsthumbnail + parallel",
        f"{_BY_APT} libvips-tools parallel",
        lambda: _with_parallel(lambda: _number(_THUMBNAIL_SAYS)),
        _vipsthumbnail_parallel,
        _FITS,
    ),
    Peer(
        "sharp",
        "npm install sharp, and --node-modules with its node_modules",
        _sharp_version,
        _sharp,
    ),
    Peer(
        "cwebp + parallel",
        f"{_BY_APT} webp parallel",
        lambda: _with_parallel(lambda: _number(["cwebp", "-version"])),
        _cwebp,
        ("png_to_webp",),
    ),
    Peer(
        OURS,
        "",
        lambda: "this tree",
        _ours,
        ("fit_jpeg", "fit_webp", "png_to_webp", "reencode", "chain"),
    ),
)
PEERS: Final = {peer.name: peer for peer in _EVERY_PEER}
