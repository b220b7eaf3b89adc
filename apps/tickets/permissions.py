from rest_framework.request import Request
from rest_framework.views import APIView

from apps.events.models import Event
from apps.organizations.permissions import (
    IsOrganizationOwnerOrManager,
    ManagesNamedOrganization,
    named_in_body,
)


class IsOrganizerOrAdmin(ManagesNamedOrganization, IsOrganizationOwnerOrManager):
    """Passes OWNER and MANAGER of the organization that owns the event, and admins."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return getattr(view, "action", None) != "create" or super().has_permission(request, view)

    def named_organization(self, request: Request) -> int | None:
        event = named_in_body(request, "event", Event.objects.all())
        return event.organization_id if event else None
