"""The colours of the window as frozen values; no Qt."""

from typing import Final

from msgspec import Struct


class Tokens(Struct, frozen=True):
    """The colours of one theme, as #RRGGBB."""

    name: str
    bg: str
    surface: str
    sunk: str
    line: str
    text: str
    muted: str
    accent: str
    accent_soft: str
    on_accent: str
    ok: str
    fail: str
    warn: str
    warn_soft: str
    # Borders of controls and the hover shade of the primary button.
    control: str
    accent_strong: str


LIGHT: Final = Tokens(
    name="light",
    bg="#F4F5F7",
    surface="#FFFFFF",
    sunk="#EDEFF2",
    line="#D9DEE4",
    text="#1A1E24",
    muted="#58636F",
    accent="#3156D3",
    accent_soft="#E4EAFC",
    on_accent="#FFFFFF",
    ok="#177541",
    fail="#C0352B",
    warn="#8A6100",
    warn_soft="#FFF4D6",
    control="#7C8795",
    accent_strong="#2545B0",
)
DARK: Final = Tokens(
    name="dark",
    bg="#14171C",
    surface="#1C2027",
    sunk="#252A32",
    line="#323943",
    text="#E7EBF0",
    muted="#9CA7B4",
    accent="#86A2FF",
    accent_soft="#27314F",
    on_accent="#11141A",
    ok="#4FC489",
    fail="#FF8277",
    warn="#E3B64F",
    warn_soft="#362E18",
    control="#758091",
    accent_strong="#A3B8FF",
)
