"""Opening of PDF documents for signing, with errors a tenant's staff can act on."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import FormFillingError, PdfError
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.general import SigningError

from trilend_pyhanko.glyphs import Point
from trilend_sdk.errors import Terminal
from trilend_sdk.esign import Placement

# What pyHanko raises on files that are no PDF or a damaged one, beside its own error.
_DAMAGE: Final = (
    PdfError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    zlib.error,
)

# A place may stick out by this much (points), which is rounding and not a mistake.
_ROUNDING: Final = 0.5
_DEEPEST_PAGE_TREE: Final = 64


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Turn whatever a damaged document raises into a `Terminal`."""
    try:
        yield
    except SigningError as error:
        raise Terminal("这份 PDF 不允许再加签名。", code="document_forbids_signing") from error
    except _DAMAGE as error:
        raise Terminal("这份文件不是可读的 PDF，或已经损坏，请重新生成或上传。", code="document_unreadable") from error


@refusing_damage()
def open_for_signing(document: bytes) -> IncrementalPdfFileWriter:
    """A writer that appends to the document; `Terminal` when it is unreadable or encrypted."""
    writer = IncrementalPdfFileWriter(BytesIO(document))
    if writer.prev.encrypted:
        raise Terminal("这份 PDF 已加密，请上传未加密的文件。", code="document_encrypted")
    if _page_count(writer) < 1:
        raise Terminal("这份 PDF 没有页面。", code="document_unreadable")
    return writer


@refusing_damage()
def require_free_field(writer: IncrementalPdfFileWriter, field_name: str) -> None:
    """Raise `Terminal` when the document has a form field of that name already, signed or not."""
    try:
        taken = any(True for _ in enumerate_sig_fields(writer.prev, with_name=field_name))
    except FormFillingError:  # a field of that name that is not for signatures
        taken = True
    if taken:
        raise Terminal(f"签名域“{field_name}”已存在，同一份文件里每个签名域只能用一次。", code="field_exists")


@refusing_damage()
def signature_box(writer: IncrementalPdfFileWriter, placement: Placement) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of the signature on its page; `Terminal` when the page or the place is not there."""
    pages = _page_count(writer)
    if not -pages <= placement.page < pages:
        raise Terminal(f"这份 PDF 只有 {pages} 页，没有要签章的那一页。", code="page_missing")
    (left, bottom), (right, top) = _media_box(writer, placement.page)
    box = (placement.x, placement.y, placement.x + placement.width, placement.y + placement.height)
    if (
        box[0] < left - _ROUNDING
        or box[1] < bottom - _ROUNDING
        or box[2] > right + _ROUNDING
        or box[3] > top + _ROUNDING
    ):
        raise Terminal("签章位置超出了页面，请调整位置或大小。", code="placement_outside_page")
    return box


def _page_count(writer: IncrementalPdfFileWriter) -> int:
    return int(writer.root["/Pages"]["/Count"])


def _media_box(writer: IncrementalPdfFileWriter, page: int) -> tuple[Point, Point]:
    page_reference, _ = writer.find_page_for_modification(page)  # type: ignore[no-untyped-call]
    node = page_reference.get_object()
    for _ in range(_DEEPEST_PAGE_TREE):  # a box is inherited; a damaged tree may be its own ancestor
        if "/MediaBox" in node:
            break
        node = node["/Parent"]
    first_x, first_y, second_x, second_y = (float(side) for side in node["/MediaBox"])
    return (min(first_x, second_x), min(first_y, second_y)), (max(first_x, second_x), max(first_y, second_y))
