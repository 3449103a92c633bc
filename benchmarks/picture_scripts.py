"""The scripts that a person would write around Pillow and libvips, and the floor.

Run as programs of their own, which load no more than such a script would. The floor: each process
takes its fixed share and does nothing but open, compute, save, by the quickest calls and the
options that Everycore saves with; no queue, no sync to the disk.
"""

import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import pyvips

# Before the seconds that the floor's processes took since all were ready.
SECONDS: Final = "seconds since all were ready: "


class Order(NamedTuple):
    """What is done to each picture, and where it goes; an `edge` of 0 keeps the size."""

    edge: int
    quality: int
    suffix: str
    out: Path

    def target(self, file: Path) -> Path:
        """Return what a picture's output is called."""
        return self.out / f"{file.stem}.{self.suffix}"


Script = Callable[[Order, Path], None]


def pillow_lanczos(order: Order, file: Path) -> None:
    """Open, resize by the filter that everybody recommends, save."""
    from PIL import Image

    with Image.open(file) as opened:
        picture: Any = opened
        if order.edge:
            scale = order.edge / max(opened.size)
            size = (round(opened.width * scale), round(opened.height * scale))
            picture = opened.resize(size, Image.Resampling.LANCZOS)
        picture.save(order.target(file), quality=order.quality)


def pillow_draft(order: Order, file: Path) -> None:
    """Let the JPEG decoder leave pixels out, then scale with a cheaper filter."""
    from PIL import Image

    with Image.open(file) as picture:
        picture.draft("RGB", (order.edge, order.edge))
        picture.thumbnail((order.edge, order.edge), Image.Resampling.BICUBIC)
        picture.save(order.target(file), quality=order.quality)


def vips(order: Order, file: Path) -> None:
    """Do what Everycore does to the pixels, and nothing else."""
    import pyvips

    content = file.read_bytes()
    if order.edge:
        image = _thumbnail(content, order.edge)
    else:
        image = pyvips.Image.new_from_buffer(content, "", access="sequential")
    # As Everycore: code tables made to measure for small JPEGs, where they cost next to nothing.
    options = {"optimize_coding": order.edge > 0} if order.suffix == "jpg" else {"effort": 2}
    saved = image.write_to_buffer(f".{order.suffix}", Q=order.quality, **options)
    order.target(file).write_bytes(saved)


def _thumbnail(content: bytes, edge: int) -> "pyvips.Image":
    """Let a JPEG's decoder halve the picture where 1.75 times or more is left, as Everycore."""
    import pyvips

    image = pyvips.Image.new_from_buffer(content, "", access="sequential")
    factor = max(image.width, image.height) / edge
    if image.get("vips-loader").startswith("jpeg") and 3.5 <= factor < 7:
        image = pyvips.Image.new_from_buffer(content, "", access="sequential", shrink=2)
        return image.thumbnail_image(edge, height=edge, size="down")
    return pyvips.Image.thumbnail_buffer(content, edge, height=edge, size="down")


SCRIPTS: Final[dict[str, Script]] = {
    "pillow_lanczos": pillow_lanczos,
    "pillow_draft": pillow_draft,
    "vips": vips,
}


def by_pool(script: str, order: Order, workers: int, files: Sequence[Path]) -> None:
    """Do it as everybody does, by the pool of the standard library."""
    # libvips does not outlive a fork: its documentation asks for new processes.
    is_vips = script == "vips"
    context = multiprocessing.get_context("spawn" if is_vips else None)
    with context.Pool(workers, initializer=_take_one_thread if is_vips else None) as pool:
        for _ in pool.imap_unordered(partial(SCRIPTS[script], order), files):
            pass


def by_shards(order: Order, workers: int, files: Sequence[Path]) -> None:
    """Do it by processes with fixed shares; print how long it took since all were ready."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(workers + 1)
    processes = [
        context.Process(target=_do_share, args=(order, files[number::workers], ready))
        for number in range(workers)
    ]
    for process in processes:
        process.start()
    ready.wait()
    begin = time.perf_counter()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("A share ended with an error.")
    print(f"{SECONDS}{time.perf_counter() - begin}")


def _do_share(order: Order, files: Sequence[Path], ready: Barrier) -> None:
    _take_one_thread()
    ready.wait()
    for file in files:
        vips(order, file)


def _take_one_thread() -> None:
    import pyvips

    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)


def main() -> None:
    """Do `SCRIPT WORKERS EDGE QUALITY SUFFIX OUT FILE...`."""
    script, workers, edge, quality, suffix, out, *files = sys.argv[1:]
    order = Order(int(edge), int(quality), suffix, Path(out))
    if script == "shards":
        by_shards(order, int(workers), list(map(Path, files)))
    else:
        by_pool(script, order, int(workers), list(map(Path, files)))
