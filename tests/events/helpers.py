from typing import Any

from django.urls import reverse
from rest_framework.test import APIClient

from apps.events.models import Event
from apps.organizations.models import Organization
from tests.clients import client_of
from tests.common.helpers import iso
from tests.factories import MembershipFactory


def url(event: Event) -> str:
    return reverse("event-detail", args=[event.pk])


def patch(client: APIClient, event: Event, **changes: Any) -> Any:
    return client.patch(url(event), changes)


def publish(client: APIClient, event: Event) -> Any:
    return client.post(reverse("event-publish", args=[event.pk]))


def cancel(client: APIClient, event: Event) -> Any:
    return client.post(reverse("event-cancel", args=[event.pk]))


def member_of(*organizations: Organization, role: str = "MANAGER") -> APIClient:
    """A client of one new account that has this role in each of the organizations."""
    first, *others = organizations
    user = MembershipFactory(organization=first, role=role).user
    for organization in others:
        MembershipFactory(organization=organization, user=user, role=role)
    return client_of(user)


def fresh(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


def as_shown(event: Event) -> dict[str, Any]:
    """A stored event as the API shows it."""
    event = fresh(event)
    return {
        "id": event.pk,
        "organization": event.organization_id,
        "organization_name": event.organization.name,
        "venue": event.venue_id,
        "venue_name": event.venue.name,
        "category": event.category_id,
        "category_name": event.category.name,
        "title": event.title,
        "description": event.description,
        "starts_at": iso(event.starts_at),
        "ends_at": iso(event.ends_at),
        "status": event.status,
        "capacity": event.capacity,
        "published_at": iso(event.published_at),
        "created_at": iso(event.created_at),
        "updated_at": iso(event.updated_at),
    }
