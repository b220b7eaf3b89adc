"""The accounts that everybody who tries BTick can log in with."""

from collections.abc import Callable
from typing import NamedTuple

from apps.accounts.models import User
from apps.organizations.models import Membership

PASSWORD = "password123"  # noqa: S105


def _owns(user: User) -> bool:
    return user.memberships.filter(role=Membership.Role.OWNER).exists()


class Account(NamedTuple):
    email: str
    description: str
    is_described: Callable[[User], bool]


ADMIN = Account("admin@example.com", "admin", lambda user: user.is_admin)
OWNER = Account("owner@example.com", "owner of an organization", _owns)
SUPPORT = Account("support@example.com", "support agent", lambda user: user.is_support)
CUSTOMER = Account("customer@example.com", "customer", lambda user: user.is_customer)

# Those among the users of a seed, in the order in which they are made.
SEEDED_ACCOUNTS = (OWNER, SUPPORT, CUSTOMER)
