"""Array steps on sampled signals, by SciPy: spectra, filters, other rates. Runs in a worker.

Signals are the lines along one axis; rates and frequencies are in Hz. Everything is computed and
returned in 64-bit floats.
"""

from fractions import Fraction
from typing import Any, Final

import numpy as np
from msgspec import Struct

from workers.operations.array_lines import Lines, along, memory_failure, signal_failure
from workers.operations.array_values import Values
from workers.outcome import Failure, FailureKind

_BLOCK: Final = 1 << 18
_WIDE: Final = 8
RATIO_MOST: Final = 200_000
"""The greatest factor of a resampling: its filter has twenty times as many numbers."""
_MISSING: Final = Failure(
    FailureKind.OPERATION_FAILED,
    "This step needs the library SciPy: pip install 'everycore[science]'.",
)


class Band(Struct, frozen=True):
    """What a filter lets through: `mode` is "low-pass", "high-pass" or "band-pass".

    `cutoff_hz` is the edge, or the lower of two; `upper_hz` the upper of a band.
    """

    mode: str
    cutoff_hz: float
    upper_hz: float
    order: int

    @property
    def edges_hz(self) -> tuple[float, ...]:
        """Return the one edge, or both of a band."""
        is_band = self.mode == "band-pass"
        return (self.cutoff_hz, self.upper_hz) if is_band else (self.cutoff_hz,)


# SciPy comes without types.
def _signal() -> Any:  # noqa: ANN401
    try:
        from scipy import signal
    except ImportError:
        return _MISSING
    return signal


def power_spectral_density(
    values: Values, rate_hz: float, segment: int, window: str, axis: int
) -> Lines | Failure:
    """Return a table (segment // 2 + 1, 1 + signals): frequencies in Hz, density in unit² / Hz.

    Welch's method (IEEE Trans. Audio Electroacoust. AU-15, 1967): the one-sided periodograms of
    windowed segments that overlap by half, each without its mean, averaged. The signals are the
    other columns in the order of the array's other axes.
    """
    signal = _signal()
    if isinstance(signal, Failure):
        return signal
    if (refused := signal_failure(values, axis)) is not None:
        return refused
    length, bins = values.shape[axis], segment // 2 + 1
    if length < segment:
        return _too_short(values, axis, f"a segment takes {segment:,}")
    signals = values.size // length
    if (refused := memory_failure(bins * (signals + 1) * _WIDE, "spectrum")) is not None:
        return refused
    hop = segment - segment // 2
    segments = (length - segment) // hop + 1
    at_once = max(1, _BLOCK // segment)

    def density(lines: Values) -> Lines:
        total = np.zeros((len(lines), bins))
        for first in range(0, segments, at_once):
            count = min(at_once, segments - first)
            part = lines[:, first * hop : (first + count - 1) * hop + segment]
            wide = part.astype(np.float64)
            total += count * signal.welch(wide, rate_hz, window, segment)[1]
        averaged: Lines = total / segments
        return averaged

    made = np.moveaxis(along(values, axis, bins, density), axis, -1).reshape(signals, bins)
    return np.column_stack((np.fft.rfftfreq(segment, 1 / rate_hz), made.T))


def band_filter(values: Values, band: Band, rate_hz: float, axis: int) -> Values | Failure:
    """Return the signals after a Butterworth filter forward and backward, same shape.

    Second-order sections, so that high orders stay exact. Both ways leave no delay (zero phase)
    and apply the filter twice: 6 dB less at the edges, the slope of twice the order.
    """
    signal = _signal()
    if isinstance(signal, Failure):
        return signal
    refused = _band_failure(band, rate_hz) or signal_failure(values, axis)
    refused = refused or memory_failure(values.size * _WIDE, "result")
    if refused is not None:
        return refused
    edges = band.edges_hz if len(band.edges_hz) > 1 else band.edges_hz[0]
    kind = band.mode.removesuffix("-pass")
    sections = signal.butter(band.order, edges, kind, fs=rate_hz, output="sos")
    if not _is_stable(sections):
        return _wrong("No filter of this order has an edge that close to 0 Hz or to another one.")
    length, padding = values.shape[axis], _padding(sections)
    if length <= padding:
        return _too_short(values, axis, f"this filter takes more than {padding:,}")

    def filtered(lines: Values) -> Lines:
        wide = lines.astype(np.float64)
        passed: Lines = signal.sosfiltfilt(sections, wide, axis=-1, padlen=padding)
        return passed

    return along(values, axis, length, filtered)


def _padding(sections: Values) -> int:
    """Return how many numbers are mirrored at both ends: three times the filter's length."""
    absent = min(int((sections[:, column] == 0).sum()) for column in (2, 5))
    return 3 * (2 * len(sections) + 1 - absent)


def _is_stable(sections: Lines) -> bool:
    """Say whether all poles lie inside the unit circle still, after rounding (Jury's test)."""
    first, second = sections[:, 4], sections[:, 5]
    return bool(((second < 1) & (np.abs(first) < 1 + second)).all())


def _band_failure(band: Band, rate_hz: float) -> Failure | None:
    half = rate_hz / 2
    for edge in band.edges_hz:
        if edge >= half:
            return _wrong(
                f"The cutoff of {edge:g} Hz is not below half the sample rate, {half:g} Hz."
            )
    if len(band.edges_hz) > 1 and band.upper_hz <= band.cutoff_hz:
        return _wrong(
            f"The upper cutoff of {band.upper_hz:g} Hz is not above "
            f"the lower one, {band.cutoff_hz:g} Hz."
        )
    return None


def rate_ratio(rate_hz: float, new_rate_hz: float) -> Fraction:
    """Return new by old, of the rates as they are written (44100 and 48000 give 160/147)."""
    return Fraction(repr(new_rate_hz)) / Fraction(repr(rate_hz))


def resampled(values: Values, ratio: Fraction, axis: int) -> Values | Failure:
    """Return the signals with `ratio` times as many numbers (rounded up) along the axis.

    Polyphase: numbers are put in, a low-pass of linear phase (a Kaiser window, beta 5) takes away
    what the new rate cannot hold, numbers are left out. A straight line through the ends is taken
    away before and added after, so that signals far from 0 do not fall off at the ends.
    """
    signal = _signal()
    if isinstance(signal, Failure):
        return signal
    if (refused := signal_failure(values, axis)) is not None:
        return refused
    up, down = ratio.numerator, ratio.denominator
    if max(up, down) > RATIO_MOST:
        return _wrong(
            f"The new length is {up:,} / {down:,} of the old one; "
            f"both numbers may be {RATIO_MOST:,} at most."
        )
    length = values.shape[axis]
    made = -(-length * up // down)
    refused = memory_failure(values.size // length * made * _WIDE, "result")
    if refused is not None:
        return refused
    if up == down:
        return values.astype(np.float64)
    taps = signal.firwin(20 * max(up, down) + 1, 1 / max(up, down), window=("kaiser", 5.0))

    def sampled(lines: Values) -> Lines:
        wide = lines.astype(np.float64)
        anew: Lines = signal.resample_poly(wide, up, down, axis=-1, window=taps, padtype="line")
        return anew

    return along(values, axis, made, sampled)


def _too_short(values: Values, axis: int, wanted: str) -> Failure:
    return Failure(
        FailureKind.BAD_INPUT,
        f"The signal has {values.shape[axis]:,} numbers along axis {axis}; {wanted}.",
    )


def _wrong(sentence: str) -> Failure:
    return Failure(FailureKind.OPERATION_FAILED, sentence)
