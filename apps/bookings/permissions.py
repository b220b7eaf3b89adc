from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts.permissions import account_of
from apps.organizations.permissions import IsOrganizationOwnerOrManager

from .models import Booking


class CanRefundBooking(IsOrganizationOwnerOrManager):
    """Passes support, admins, and OWNER and MANAGER of the event's organization."""

    message = (
        "Only support, an OWNER or MANAGER of the event's organization, or an admin may refund."
    )

    def has_object_permission(self, request: Request, view: APIView, obj: Booking) -> bool:
        if account_of(request).sees_everything:
            return True
        return super().has_object_permission(request, view, obj)
