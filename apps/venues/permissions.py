from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts.permissions import account_of

from .models import Venue


class IsVenueManager(BasePermission):
    """Passes the managers of the venue, and admins."""

    message = "Only a manager of the venue or an admin may do this."

    def has_object_permission(self, request: Request, view: APIView, obj: Venue) -> bool:
        account = account_of(request)
        return account.is_admin or obj.managers.filter(pk=account.pk).exists()
