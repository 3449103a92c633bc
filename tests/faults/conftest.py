"""The fixtures of tests/engine, for tests that hurt a real engine."""

from tests.engine.conftest import folder as folder, journals as journals, running as running
