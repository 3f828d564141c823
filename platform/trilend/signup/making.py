"""Makes a tenant in one go, where no sign-up page leads through it."""

from flask_babel import lazy_gettext as _l
from werkzeug.security import generate_password_hash

from trilend.errors import Invalid
from trilend.storage.keys import new_wrapped_key
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.names import is_uscc
from trilend.tenancy.provisioning import FirstAdministrator, provision
from trilend.tenancy.service import register_tenant, tenant_by_id


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
    """Register and provision a tenant; raises what `register_tenant` raises, and `Invalid` for a wrong credit code."""
    if not is_uscc(uscc):
        raise Invalid(
            _l("The unified social credit code is wrong: check its 18 characters, the last one is a check digit."),
            field="uscc",
        )
    with RegistrySession() as session:
        tenant_id = register_tenant(
            session, slug=slug, kind=kind, name=name, uscc=uscc, wrapped_key=new_wrapped_key(), shard=shard
        ).id
        session.commit()
    provision(tenant_id, FirstAdministrator(admin, admin_name or admin, email, generate_password_hash(password)))
    return tenant_by_id(tenant_id)
