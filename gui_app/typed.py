"""`override` as the window imports it."""

from workers.typed import override as override
