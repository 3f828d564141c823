"""Sets contracts and forms as PDF by Typst, with Chinese fonts from a wheel and none from the system."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typst


def typeset(template: Path, values: Mapping[str, Any]) -> bytes:
    """Render a `.typ` template to PDF; the template reads `values` as `json(bytes(sys.inputs.values))`.

    Values reach the template as data, never as source, so nothing entered by a user can become markup.
    """
    pdf = typst.compile(
        template,
        root=template.parent,
        font_paths=[_font_folder()],
        ignore_system_fonts=True,
        sys_inputs={"values": json.dumps(values, ensure_ascii=False, default=str)},
    )
    if not isinstance(pdf, bytes):
        raise TypeError("typst returned no single PDF")
    return pdf


@cache
def _font_folder() -> Path:
    spec = find_spec("pylopdf_fonts_zh_cn")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the fonts of the wheel pylopdf-fonts-zh-cn are missing")
    return Path(spec.submodule_search_locations[0])
