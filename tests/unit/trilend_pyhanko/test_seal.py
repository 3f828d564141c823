"""The visible marks: where the characters stand, and what a reader of the page sees."""

import subprocess
from pathlib import Path

import pytest
from PIL import Image

from trilend_pyhanko import seal
from trilend_pyhanko.glyphs import glyph, require_glyphs
from trilend_sdk.errors import Terminal
from trilend_sdk.esign import Placement, SealKind, Signer

from .conftest import COMPANY, Tenant, tool

DOTS_PER_INCH = 144
PAGE_HEIGHT = 841.89
RARE = "䶮𬭎㛃"


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("王", ["王"]),
        ("王伟", ["王", "伟"]),
        ("王小明", ["王", "小明"]),
        ("欧阳娜娜", ["欧阳", "娜娜"]),
        ("司马相如印", ["司马", "相如", "印"]),
        ("司马相如之印", ["司马", "相如", "之印"]),
        ("阿卜杜热西提·麦麦提", ["阿卜杜", "热西提", "·麦", "麦提"]),
    ],
)
def test_name_stands_in_columns_from_the_right(name: str, columns: list[str]) -> None:
    assert seal.seal_columns(name) == columns


@pytest.mark.parametrize("character", RARE)
def test_rare_characters_have_an_outline_of_their_own(character: str) -> None:
    shape = glyph(character)

    assert shape.advance == 1.0
    assert len(shape.outline) > 20
    assert shape.outline not in [glyph(other).outline for other in RARE + "龚铉挈" if other != character]


def test_first_character_without_glyph_is_named() -> None:
    with pytest.raises(Terminal, match="“𠀁”字（U\\+20001）") as caught:
        require_glyphs("王𠀁𠀂")

    assert caught.value.code == "glyph_missing"


def test_mark_is_as_large_as_fits_and_centred() -> None:
    signer = Signer(name="王伟", reference="", kind=SealKind.PERSONAL)

    tall = seal.draw(signer, 60, 100)

    # The frame's line of 3 points is centred 1.5 points inside a square of 60 that begins 20 points up.
    assert b"3.000 w 1.500 21.500 57.000 57.000 re s" in tall


def test_long_company_name_has_every_character_within_the_ring() -> None:
    name = "新疆维吾尔自治区阿克苏地区乌什县兴农小额贷款有限责任公司"
    signer = Signer(name=name, reference="", kind=SealKind.COMPANY)

    drawn = [line for line in seal.draw(signer, 120, 120).decode().splitlines() if line.endswith(" B")]

    assert len(drawn) == len(name)
    for outline in drawn:
        numbers = [float(part) for part in outline.split(" w ", 1)[1].split() if part[-1].isdigit()]
        distances = [((x - 60) ** 2 + (y - 60) ** 2) ** 0.5 for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        assert max(distances) < 60 * (1 - 0.055)
        assert min(distances) > 60 * 0.345


@pytest.fixture(scope="module")
def page(tenant: Tenant, contract: bytes, tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    """The last page of the contract, sealed over its text and signed, as Poppler draws it."""
    folder = tmp_path_factory.mktemp("page")
    document = tenant.seal(contract).document
    placement = Placement(x=60, y=500, width=60, height=60)
    (folder / "signed.pdf").write_bytes(tenant.sign_as_person(document, placement=placement).document)
    return render(folder / "signed.pdf", 2)


def render(path: Path, page: int) -> Image.Image:
    where = path.with_suffix("")
    command = [tool("pdftoppm", "poppler-utils"), "-r", str(DOTS_PER_INCH), "-f", str(page), "-l", str(page)]
    subprocess.run([*command, "-png", "-singlefile", str(path), str(where)], check=True)
    with Image.open(where.with_suffix(".png")) as image:
        return image.convert("RGB")


def colour_at(page: Image.Image, x: float, y: float) -> str:
    """What is seen at a point of the page (points from the lower left corner)."""
    scale = DOTS_PER_INCH / 72
    red, green, blue = page.getpixel((int(x * scale), int((PAGE_HEIGHT - y) * scale)))
    if min(red, green, blue) > 240:
        return "paper"
    return "red" if red > 150 and max(green, blue) < 90 else "other"


def test_company_seal_is_a_red_ring_around_a_star(page: Image.Image) -> None:
    centre = (80 + 59.5, 640 + 59.5)

    assert colour_at(page, *centre) == "red"
    for across, up in ((58, 0), (-58, 0), (0, 58), (0, -58)):
        assert colour_at(page, centre[0] + across, centre[1] + up) == "red"
    for across, up in ((59, 59), (-59, 59), (59, -59), (-59, -59)):
        assert colour_at(page, centre[0] + across, centre[1] + up) == "paper"
    # Points of the star, and the paper between them.
    assert colour_at(page, centre[0], centre[1] + 18) == "red"
    assert colour_at(page, centre[0] + 12, centre[1] + 14) == "paper"


def test_personal_mark_is_a_red_square(page: Image.Image) -> None:
    for across, up in ((1.5, 30), (58.5, 30), (30, 1.5), (30, 58.5)):
        assert colour_at(page, 60 + across, 500 + up) == "red"
    assert colour_at(page, 60 + 4.5, 500 + 4.5) == "paper"


def test_text_under_the_seal_stays_readable(tenant: Tenant, contract: bytes, tmp_path: Path) -> None:
    def dark(image: Image.Image) -> set[tuple[int, int]]:
        left, top, right, bottom = 160, 80, 400, 500
        return {(x, y) for x in range(left, right) for y in range(top, bottom) if max(image.getpixel((x, y))) < 40}

    over_text = Placement(x=80, y=700, width=119, height=119)
    (tmp_path / "plain.pdf").write_bytes(contract)
    (tmp_path / "sealed.pdf").write_bytes(tenant.seal(contract, placement=over_text).document)

    plain, sealed = dark(render(tmp_path / "plain.pdf", 2)), dark(render(tmp_path / "sealed.pdf", 2))

    assert len(plain) > 100
    assert plain <= sealed


def test_seal_is_drawn_without_code_and_caption() -> None:
    full = Signer(name=COMPANY, reference="", kind=SealKind.COMPANY, seal_code="3101151234567", caption="合同专用章")
    bare = Signer(name=COMPANY, reference="", kind=SealKind.COMPANY)

    outlines = [seal.draw(signer, 119, 119).count(b" B") for signer in (full, bare)]

    assert outlines == [len(COMPANY) + 13 + 5, len(COMPANY)]
