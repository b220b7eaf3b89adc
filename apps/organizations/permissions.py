from abc import abstractmethod
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts.permissions import account_of
from apps.common.fields import parse_id

from .models import Membership, Organization
from .querysets import OWNER

Row = TypeVar("Row", bound=Model)


class IsOrganizationMember(BasePermission):
    """Passes any role in the organization, and admins."""

    message = "Only a member of the organization or an admin may do this."

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        account = account_of(request)
        if account.is_admin:
            return True
        return account.memberships.filter(organization=organization_of(obj)).exists()


class IsOrganizationOwnerOrManager(BasePermission):
    """Passes OWNER and MANAGER of the organization, and admins."""

    message = "Only an OWNER or MANAGER of the organization or an admin may do this."

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        managed = Organization.objects.managed_by(request.user)
        return managed.filter(pk=organization_of(obj)).exists()


class CanGrantRole(BasePermission):
    """Only an OWNER or an admin may make somebody an OWNER."""

    message = "Only an OWNER of the organization or an admin may grant the role OWNER."

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        if body_of(request).get("role") != OWNER:
            return True
        owned = Organization.objects.owned_by(request.user)
        return owned.filter(pk=organization_of(obj)).exists()


class CanChangeOwner(BasePermission):
    """Only an OWNER or an admin may change or remove an OWNER, who is named in the path."""

    message = "Only an OWNER of the organization or an admin may change or remove an OWNER."

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        owners = Membership.objects.filter(organization=organization_of(obj), role=OWNER)
        if not owners.filter(user=view.kwargs["user_id"]).exists():
            return True
        owned = Organization.objects.owned_by(request.user)
        return owned.filter(pk=organization_of(obj)).exists()


class ManagesNamedOrganization(BasePermission):
    """For requests that name in their body what they belong to.

    Refuses whoever manages no organization at all, whatever the body holds, and whoever does not
    manage the organization that the body leads to. A body that leads to none is the serializer's
    to refuse.
    """

    message = "Only an OWNER or MANAGER of the organization or an admin may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        account = account_of(request)
        if account.is_admin:
            return True
        managed = Organization.objects.managed_by(account)
        if not managed.exists():
            return False
        named = self.named_organization(request)
        return named is None or managed.filter(pk=named).exists()

    @abstractmethod
    def named_organization(self, request: Request) -> int | None:
        """The id of the existing organization that the body leads to, or None."""


def body_of(request: Request) -> dict[str, Any]:
    """The body, which the parser lets through only as an object."""
    return request.data if isinstance(request.data, dict) else {}


def named_in_body(request: Request, field: str, rows: QuerySet[Row]) -> Row | None:
    """The one of `rows` whose id the body has under `field`, or None."""
    try:
        return rows.filter(pk=parse_id(body_of(request).get(field))).first()
    except ValueError:
        return None


def organization_of(obj: Any) -> int:
    """The id of the organization that `obj` is, or belongs to."""
    return int(obj.pk if isinstance(obj, Organization) else obj.organization_id)
