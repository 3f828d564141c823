"""Tenants as django-tenants' documentation sets them up."""

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Company(TenantMixin):  # type: ignore[misc]
    """A tenant; its schema is made by the benchmark."""

    auto_create_schema = False


class Address(DomainMixin):  # type: ignore[misc]
    """The host name of a tenant."""


class Day(models.Model):  # type: ignore[misc]
    """What the page counts."""

    class Meta:
        """A table of the tenant."""

        app_label = "peer"
