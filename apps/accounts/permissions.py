from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from .models import User


def account_of(request: Request) -> User:
    """The caller's account. Raises NotAuthenticated (401) when there is none."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


class IsAdminOrReadOnly(BasePermission):
    """Reads are for all, writes for admins."""

    message = "Only an admin may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method in SAFE_METHODS or account_of(request).is_admin


class IsCustomer(BasePermission):
    """Passes whoever may book: all but support, and admins in any case."""

    message = "Only a customer or an admin may book; support accounts may not."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return account_of(request).is_customer


class IsSupportOrAdmin(BasePermission):
    """Passes support and admins."""

    message = "Only support or an admin may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return account_of(request).sees_everything
