"""What an area takes is told by content, and refused before a byte is stored."""

import io
import zipfile
from collections.abc import Iterator

import openpyxl
import pytest
from PIL import Image

from trilend.storage.areas import CSV, DOCX, JPEG, OFD, PDF, PNG, TEXT, TIFF, XLSX, Area, Inspection, media_type_of
from trilend.storage.errors import FileTooLarge, FileTypeRefused, HasMacros, NotWhatItSays

EVERYTHING = Area("documents", types=(PDF, OFD, PNG, JPEG, TIFF, XLSX, DOCX, TEXT, CSV), megabytes=1)


def picture(form: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (9, 9)).save(target, form)
    return target.getvalue()


def workbook(*, write_only: bool = False) -> bytes:
    book = openpyxl.Workbook(write_only=write_only)
    sheet = book.create_sheet()
    for number in range(3000):
        sheet.append([number, f"客户 {number}"])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, f"<a>{name}</a>" * 50)
    return target.getvalue()


def unsought(*names: str) -> bytes:
    """A ZIP file written to a pipe: lengths come after the contents."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.taken = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.taken += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, f"<a>{name}</a>" * 50)
    return bytes(pipe.taken)


KNOWN = {
    "pdf": (b"%PDF-1.7\n1 0 obj", PDF),
    "pdf after a mark": (b"\xef\xbb\xbf%PDF-1.7\n", PDF),
    "png": (picture("PNG"), PNG),
    "jpeg": (picture("JPEG"), JPEG),
    "tiff": (picture("TIFF"), TIFF),
    "xlsx": (workbook(), XLSX),
    "xlsx, written row by row": (workbook(write_only=True), XLSX),
    "xlsx, from a pipe": (unsought("[Content_Types].xml", "docProps/app.xml", "xl/workbook.xml"), XLSX),
    "docx": (zipped("[Content_Types].xml", "_rels/.rels", "word/document.xml"), DOCX),
    "ofd": (zipped("OFD.xml", "Doc_0/Document.xml"), OFD),
    "text": ("姓名：张三\n".encode(), TEXT),
    "text in GB 18030": ("姓名：张三\n".encode("gb18030"), TEXT),
}
REFUSED = {
    "program for Windows": b"MZ\x90\x00" + bytes(300),
    "program for Linux": b"\x7fELF" + bytes(300),
    "page": b"<!DOCTYPE html><script>alert(1)</script>",
    "page after blanks": b"  \n<html>",
    "drawing with script": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "archive": zipped("evil.exe"),
    "archive that only mentions a workbook": zipped("notes/xl/"),
    "old Office file": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
    "animated picture": picture("GIF"),
    "nothing that is known": bytes(range(256)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_types_are_told_by_their_content(name: str) -> None:
    content, media_type = KNOWN[name]
    inspection = Inspection(EVERYTHING)
    assert b"".join(inspection.watch(iter([content]))) == content
    assert inspection.media_type == media_type
    assert inspection.size == len(content)


@pytest.mark.parametrize("name", REFUSED)
def test_other_types_are_refused_before_a_byte_is_handed_on(name: str) -> None:
    for said in ("", PDF, "image/gif", "text/html"):
        with pytest.raises(FileTypeRefused, match="PDF, OFD, PNG, JPEG, TIFF, XLSX, DOCX"):
            next(Inspection(EVERYTHING, said).watch(iter([REFUSED[name]])))


def test_a_type_that_the_area_does_not_take_is_refused() -> None:
    with pytest.raises(FileTypeRefused, match=r"Choose one of: PDF\."):
        next(Inspection(Area("contracts", types=(PDF,))).watch(iter([picture("PNG")])))


def test_a_file_that_is_not_what_its_sender_says_is_refused() -> None:
    with pytest.raises(NotWhatItSays, match="not the PDF"):
        next(Inspection(EVERYTHING, PDF).watch(iter([picture("PNG")])))


def test_a_table_of_values_is_what_its_sender_says() -> None:
    inspection = Inspection(EVERYTHING, CSV)
    list(inspection.watch(iter(["姓名,金额\n张三,1\n".encode()])))
    assert inspection.media_type == CSV


@pytest.mark.parametrize("piece", [1, 7, 1000, 1 << 20])
def test_a_program_in_a_workbook_is_found_wherever_it_stands(piece: int) -> None:
    content = zipped(
        "[Content_Types].xml", "xl/workbook.xml", *(f"xl/sheet{n}" for n in range(20)), "xl/vbaProject.bin"
    )
    with pytest.raises(HasMacros):
        list(Inspection(EVERYTHING).watch(content[at : at + piece] for at in range(0, len(content), piece)))


def test_the_byte_too_many_is_refused_and_the_last_one_allowed_is_not() -> None:
    def pdf(length: int) -> Iterator[bytes]:
        yield b"%PDF-1.7\n"
        yield bytes(length - 9)

    inspection = Inspection(EVERYTHING)
    list(inspection.watch(pdf(1 << 20)))
    assert inspection.size == 1 << 20
    with pytest.raises(FileTooLarge, match="at most 1 MB"):
        list(Inspection(EVERYTHING).watch(pdf((1 << 20) + 1)))


@pytest.mark.parametrize("cut", range(1, 60))
def test_beginnings_of_archives_are_no_trap(cut: int) -> None:
    assert media_type_of(zipped("OFD.xml")[:cut]) in (None, OFD, TEXT)
