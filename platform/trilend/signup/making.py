"""Makes a tenant in one go, where no sign-up page leads through it."""

from datetime import timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash

from trilend.db.base import now
from trilend.errors import Invalid
from trilend.signup.models import SignUp
from trilend.storage.keys import new_wrapped_key
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.models import Tenant, TenantState
from trilend.tenancy.names import check_slug, is_uscc, normal_uscc
from trilend.tenancy.provisioning import FirstAdministrator, abandon, provision
from trilend.tenancy.service import register_tenant, tenant_by_id

_SURELY_DEAD = timedelta(minutes=1)


def make_tenant(
    *,
    slug: str,
    kind: str,
    name: str,
    uscc: str,
    admin: str,
    email: str,
    password: str,
    admin_name: str = "",
    shard: str = "",
) -> BoundTenant:
    """Register and provision a tenant; raises what `register_tenant` raises, and `Invalid` for a wrong credit code.

    When it fails nothing is left and the names are free; when it was killed, the same call goes on a minute later.
    """
    if not is_uscc(uscc):
        raise Invalid(
            _l("The unified social credit code is wrong: check its 18 characters, the last one is a check digit."),
            field="uscc",
        )
    with RegistrySession() as session:
        tenant_id = _cut_off(session, slug, kind, uscc) or (
            register_tenant(
                session, slug=slug, kind=kind, name=name, uscc=uscc, wrapped_key=new_wrapped_key(), shard=shard
            ).id
        )
        session.commit()
    try:
        provision(tenant_id, FirstAdministrator(admin, admin_name or admin, email, generate_password_hash(password)))
    except BaseException:
        abandon(tenant_id)
        raise
    return tenant_by_id(tenant_id)


def _cut_off(session: Session, slug: str, kind: str, uscc: str) -> str | None:
    """Id of the tenant that a killed call has registered under the same names; none that a sign-up is waiting for."""
    same = (Tenant.slug == check_slug(slug), Tenant.uscc == normal_uscc(uscc), Tenant.kind == kind)
    return session.scalar(
        select(Tenant.id).where(
            *same,
            Tenant.state == TenantState.PROVISIONING,
            Tenant.created_at < now() - _SURELY_DEAD,
            Tenant.id.not_in(select(SignUp.tenant_id).where(SignUp.tenant_id.is_not(None))),
        )
    )
