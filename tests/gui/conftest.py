"""Qt objects of a test die in the main thread, before the next test begins."""

import gc
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent


@pytest.fixture(autouse=True)
def _collected_here() -> Iterator[None]:
    """Keep Python from destroying this test's widgets in the thread of a later bridge."""
    gc.disable()
    gc.freeze()  # what all tests share need not be looked through after each
    yield
    # No event loop runs here that would do it: each style sheet would style them all once more.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    gc.enable()
