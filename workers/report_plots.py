"""The plots of an HTML report, drawn as SVG that holds nothing but numbers."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from workers.wording import time_words

BINS: Final = 60
# The upper ends of the bars of the second plot, in seconds; the last bar has all above.
DURATIONS_S: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)

_WIDTH: Final = 720
_HEIGHT: Final = 120
_DONE: Final = "#1b7f47"
_OTHER: Final = "#c0352b"
_LINE: Final = "#d9dee4"
_WORDS: Final = "#58636f"


class Timeline(Struct, frozen=True):
    """How a job went: tasks that ended in each of `BINS` equal parts of `seconds`.

    `done` counts those that succeeded, `others` those that failed or were skipped. `durations`
    counts tasks by how long they took, one more than `DURATIONS_S`.
    """

    seconds: float = 0.0
    done: tuple[int, ...] = (0,) * BINS
    others: tuple[int, ...] = (0,) * BINS
    durations: tuple[int, ...] = (0,) * (len(DURATIONS_S) + 1)


def plots(timeline: Timeline) -> Iterator[str]:
    """Yield the HTML of the plots; nothing for a job in which no task ended."""
    most = max(map(sum, zip(timeline.done, timeline.others, strict=True)))
    if not most or timeline.seconds <= 0:
        return
    rate = most * BINS / timeline.seconds
    yield "<h2>Tasks a second</h2>\n"
    yield from _bars(
        [(timeline.done, _DONE), (timeline.others, _OTHER)],
        ("0 s", time_words(timeline.seconds)),
        f"{rate:,.3g}/s",
        "Tasks that succeeded, and in red those that did not, over the time of the job",
    )
    yield "<h2>Seconds a task took</h2>\n"
    yield from _bars(
        [(timeline.durations, _DONE)],
        ("less than 1 ms", "more than 100 s"),
        f"{max(timeline.durations):,}",
        "Tasks by how long they took, each bar about three times as long as the one before",
    )


def _bars(
    layers: Sequence[tuple[Sequence[int], str]], ends: tuple[str, str], top: str, title: str
) -> Iterator[str]:
    count = len(layers[0][0])
    most = max(map(sum, zip(*(values for values, _ in layers), strict=True)))
    step = _WIDTH / count
    box = f'viewBox="-2 -14 {_WIDTH + 4} {_HEIGHT + 34}" width="{_WIDTH}" role="img"'
    yield f"<svg {box}><title>{title}</title>\n"
    yield f'<path d="M0 0H{_WIDTH}M0 {_HEIGHT}H{_WIDTH}" stroke="{_LINE}"/>\n'
    base = [0] * count
    for values, colour in layers:
        for place, value in enumerate(values):
            if value:
                high = _HEIGHT * value / most
                y = _HEIGHT - _HEIGHT * base[place] / most - high
                yield f'<rect x="{place * step + 0.5:.1f}" y="{y:.1f}" width="{step - 1:.1f}" '
                yield f'height="{high:.1f}" fill="{colour}"/>'
                base[place] += value
    yield f'\n<g fill="{_WORDS}" font-size="11"><text y="-4">{top}</text>'
    yield f'<text y="{_HEIGHT + 14}">{ends[0]}</text>'
    yield f'<text x="{_WIDTH}" y="{_HEIGHT + 14}" text-anchor="end">{ends[1]}</text></g></svg>\n'
