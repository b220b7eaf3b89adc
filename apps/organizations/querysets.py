from typing import TYPE_CHECKING, Self, Union

from apps.common.querysets import LockingQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.accounts.models import User

OWNER, MANAGER = "OWNER", "MANAGER"


class OrganizationQuerySet(LockingQuerySet):
    def with_member(self, user: Union["User", "AnonymousUser"]) -> Self:
        """The organizations that `user` belongs to, in any role."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(pk__in=user.memberships.values("organization"))

    def managed_by(self, user: Union["User", "AnonymousUser"]) -> Self:
        """The organizations that `user` runs as OWNER or MANAGER; all of them for an admin."""
        if not user.is_authenticated:
            return self.none()
        if user.is_admin:
            return self.all()
        managing = user.memberships.filter(role__in=(OWNER, MANAGER))
        return self.filter(pk__in=managing.values("organization"))

    def owned_by(self, user: Union["User", "AnonymousUser"]) -> Self:
        """The organizations that `user` is an OWNER of; all of them for an admin."""
        if not user.is_authenticated:
            return self.none()
        if user.is_admin:
            return self.all()
        return self.filter(pk__in=user.memberships.filter(role=OWNER).values("organization"))
