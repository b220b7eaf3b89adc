from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts.permissions import account_of
from apps.organizations.models import Organization
from apps.organizations.permissions import (
    IsOrganizationOwnerOrManager,
    ManagesNamedOrganization,
    named_in_body,
)

from .models import Event


class IsOrganizerOrAdmin(ManagesNamedOrganization):
    """Passes OWNER and MANAGER of the organization named in the body, and admins.

    `my-events` is for the members of any organization.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if getattr(view, "action", None) == "my_events":
            self.message = "Only a member of an organization or an admin may do this."
            account = account_of(request)
            return account.is_admin or account.memberships.exists()
        return super().has_permission(request, view)

    def named_organization(self, request: Request) -> int | None:
        return named_organization(request)


class CanManageEvent(IsOrganizationOwnerOrManager):
    """Passes OWNER and MANAGER of the event's organization, and admins.

    An update that names another organization needs the same right there.
    """

    def has_object_permission(self, request: Request, view: APIView, obj: Event) -> bool:
        if not super().has_object_permission(request, view, obj):
            return False
        if getattr(view, "action", None) not in ("update", "partial_update"):
            return True
        self.message = (
            "Only an OWNER or MANAGER of the other organization too, or an admin, may move the "
            "event there."
        )
        named = named_organization(request)
        managed = Organization.objects.managed_by(request.user)
        return named is None or managed.filter(pk=named).exists()


class CanPublishEvent(CanManageEvent):
    """Passes whoever may manage the event."""


def named_organization(request: Request) -> int | None:
    """The id of the existing organization that the body names, or None."""
    named = named_in_body(request, "organization", Organization.objects.all())
    return named.pk if named else None
