"""Lists of people are in the order in which a Chinese reader looks for a name."""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import column, select, values
from sqlalchemy.types import String
from tests.conftest import PASSWORD
from werkzeug.test import Client

from trilend.identity.service import add_person
from trilend.web.sorting import by_name

NAMES = ("赵敏", "王芳", "Ann", "丁一", "李建国", "安琪", "䶮泽", "𠮷野")
PINYIN = ["Ann", "安琪", "丁一", "李建国", "王芳", "赵敏"]


def test_names_are_ordered_by_pinyin(session: Any) -> None:
    names = values(column("name", String), name="people").data([(name,) for name in NAMES])
    found = session.scalars(select(names.c.name).order_by(by_name(names.c.name))).all()
    assert [name for name in found if name in PINYIN] == PINYIN
    # Rare characters, also those outside of the first plane, stand somewhere and do no harm.
    assert set(found) == set(NAMES)


def test_people_are_listed_by_name(session: Any, tenant: Any, browse: Callable[[str], Client]) -> None:
    for number, name in enumerate(("赵敏", "丁一", "安琪")):
        add_person(
            session,
            username=f"p{number}",
            name=name,
            email=f"{number}@example.com",
            password=PASSWORD,
            roles=["Officer"],
        )
    session.commit()
    client = browse(f"{tenant.slug}.localhost")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login/").get_data(as_text=True))
    assert token
    client.post("/login/", data={"csrf_token": token[1], "username": "admin", "password": PASSWORD})
    page = client.get("/people/list/").get_data(as_text=True)
    listed = re.findall(r"<td>(赵敏|丁一|安琪|管理员)</td>", page)
    assert listed == ["安琪", "丁一", "管理员", "赵敏"]
    turned = client.get("/people/list/?_oc_UsersView=first_name&_od_UsersView=desc").get_data(as_text=True)
    assert re.findall(r"<td>(赵敏|丁一|安琪|管理员)</td>", turned) == listed[::-1]
