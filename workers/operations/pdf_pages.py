"""A PDF file of pages that are one JPEG picture each, written page by page.

The structure is that of ISO 32000-1: objects (7.3.10), the table of where they begin (7.5.4) and
the trailer (7.5.5); JPEG data goes in as it is (7.4.8). The file says nothing of when it was made,
so that the same pages make the same bytes.
"""

from typing import BinaryIO, Final

from workers.operations.image_geometry import Size

_HEAD: Final = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
_CATALOG, _PAGES = 1, 2
_OBJECTS_A_PAGE: Final = 3


class PdfPages:
    """Pages on their way to a stream that is empty at first; `end` completes the file."""

    def __init__(self, stream: BinaryIO, size_points: tuple[float, float]) -> None:
        """Begin a file of pages of that width and height, in points (72 an inch)."""
        self._stream = stream
        self._width, self._height = size_points
        self._starts: dict[int, int] = {}
        self._pages: list[int] = []
        self._at = 0
        self._write(_HEAD)

    def add(self, jpeg: bytes, size: Size) -> None:
        """Add a page that the picture fills: JPEG in three colours, its size in pixels."""
        first = _PAGES + 1 + _OBJECTS_A_PAGE * len(self._pages)
        picture, content, page = first, first + 1, first + 2
        self._object(
            picture,
            f"<< /Type /XObject /Subtype /Image /Width {size.width} /Height {size.height}"
            " /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode"
            f" /Length {len(jpeg)} >>",
            jpeg,
        )
        drawn = f"{self._width:.2f} 0 0 {self._height:.2f} 0 0 cm /P Do".encode("ascii")
        self._object(content, f"<< /Length {len(drawn)} >>", drawn)
        self._object(
            page,
            f"<< /Type /Page /Parent {_PAGES} 0 R"
            f" /MediaBox [0 0 {self._width:.2f} {self._height:.2f}]"
            f" /Resources << /XObject << /P {picture} 0 R >> >> /Contents {content} 0 R >>",
        )
        self._pages.append(page)

    def end(self) -> None:
        """Write what stands at the end of the file."""
        kids = " ".join(f"{page} 0 R" for page in self._pages)
        self._object(_PAGES, f"<< /Type /Pages /Count {len(self._pages)} /Kids [{kids}] >>")
        self._object(_CATALOG, f"<< /Type /Catalog /Pages {_PAGES} 0 R >>")
        table = self._at
        count = len(self._starts) + 1
        entries = [b"%010d 00000 n \n" % self._starts[number] for number in range(1, count)]
        self._write(b"xref\n0 %d\n0000000000 65535 f \n" % count + b"".join(entries))
        trailer = f"trailer\n<< /Size {count} /Root {_CATALOG} 0 R >>\nstartxref\n{table}\n%%EOF\n"
        self._write(trailer.encode("ascii"))

    def _object(self, number: int, dictionary: str, data: bytes | None = None) -> None:
        self._starts[number] = self._at
        self._write(f"{number} 0 obj\n{dictionary}\n".encode("ascii"))
        if data is not None:
            self._write(b"stream\n" + data + b"\nendstream\n")
        self._write(b"endobj\n")

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._at += len(data)
