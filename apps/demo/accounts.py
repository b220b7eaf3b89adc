"""The accounts that everybody who tries BTick can log in with."""

from typing import NamedTuple

PASSWORD = "password123"  # noqa: S105


class Account(NamedTuple):
    email: str
    description: str


ADMIN = Account("admin@example.com", "admin")
OWNER = Account("owner@example.com", "owner of an organization")
SUPPORT = Account("support@example.com", "support agent")
CUSTOMER = Account("customer@example.com", "customer")

# Those among the users of a seed, in the order in which they are made.
SEEDED_ACCOUNTS = (OWNER, SUPPORT, CUSTOMER)
