"""Every endpoint that reads a body: what a good one looks like, and what bad values there are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from apps.accounts.models import User
from apps.organizations.models import Membership
from tests.clients import client_of
from tests.common.helpers import iso
from tests.factories import (
    PASSWORD,
    EventFactory,
    EventsTicketFactory,
    MembershipFactory,
    UserFactory,
)

UNKNOWN_ID = 987_654_321
HUGE_TEXT = "x" * 100_000
HUGE_NUMBER = 10**30
NOT_TEXT: tuple[Any, ...] = (None, [], ["a"], {}, {"a": "b"}, True, False)
NOT_SCALAR: tuple[Any, ...] = ([], [1], {}, {"id": 1}, True, False)


@dataclass
class World:
    """One row of each kind, and an admin, who may send every request."""

    user: User
    client: APIClient
    rows: dict[str, Model]

    def id(self, name: str) -> int:
        return self.rows[name].pk

    def ids(self, name: str) -> list[int]:
        """What stands for the row in its path."""
        row = self.rows[name]
        return [row.organization_id, row.user_id] if isinstance(row, Membership) else [row.pk]


def make_world() -> World:
    event = EventFactory(draft=True, title="First night", capacity=100)
    rows = {
        "event": event,
        "organization": event.organization,
        "venue": event.venue,
        "category": event.category,
        "ticket": EventsTicketFactory(event=event),
        "open_ticket": EventsTicketFactory(),
        "member": MembershipFactory(organization=event.organization),
    }
    user = UserFactory(admin=True)
    return World(user=user, client=client_of(user), rows=rows)


@dataclass(frozen=True)
class Kind:
    """A kind of field: the values that it refuses, each by itself or made from the good one."""

    bad: tuple[Any, ...]
    spoilt: tuple[Callable[[Any], Any], ...] = ()


def text(longest: int, *, required: bool) -> Kind:
    blank = ("", "   ", "\n\t") if required else ()
    return Kind((*NOT_TEXT, *blank, "x" * (longest + 1), HUGE_TEXT))


ADDRESS = Kind(
    (
        *(*NOT_TEXT, 5, "x", "a@b", "@example.com", "a b@example.com", "a@example.com\n, b"),
        *("x" * 300 + "@example.com", "a@" + "x" * 300 + ".com", "a@" + "b." * 50_000 + "com"),
        HUGE_TEXT,
    )
)
REQUIRED_ADDRESS = Kind((*ADDRESS.bad, "", "   "))
LINK = Kind(
    (
        *(*NOT_TEXT, 5, "x", "a:b", "example.com", "javascript:alert(1)", "http://", "http://["),
        *("http://[::1", "https://\u2100.com", "https://example.com/" + "x" * 200),
        "https://" + HUGE_TEXT,
    )
)
NEW_PASSWORD = Kind((*NOT_TEXT, "", "short", 1234567, "x" * 129, HUGE_TEXT))
CREDENTIAL = Kind((*NOT_TEXT, ""))

ID = Kind(
    (
        *(None, "", "   ", *NOT_SCALAR, "abc", "٧", "²", "0x7", "1e3", 0, "0", -1, "-1", 7.5),
        *(UNKNOWN_ID, str(UNKNOWN_ID), 2**63 - 1, 2**63, str(2**63), HUGE_NUMBER, -HUGE_NUMBER),
        *(1e300, "9" * 4000, "1_0", HUGE_TEXT),
    ),
    (
        lambda pk: f"0{pk}",
        lambda pk: f"+{pk}",
        lambda pk: f"{pk}.0",
        lambda pk: f" {pk} ",
        lambda pk: f"{pk}\n",
        lambda pk: f"0_{pk}",
        lambda pk: f"-{pk}",
        float,
        lambda pk: [pk],
        lambda pk: {"id": pk},
        lambda pk: "".join(chr(ord(digit) + 0x660 - 0x30) for digit in str(pk)),
    ),
)


def integer(smallest: int, *, nullable: bool = False) -> Kind:
    missing = () if nullable else (None,)
    return Kind(
        (
            *(*missing, "", "   ", *NOT_SCALAR, "abc", 2.5, "2.5", smallest - 1, str(smallest - 1)),
            *(2**31, str(2**31), 2**63, HUGE_NUMBER, -HUGE_NUMBER, 1e300, "9" * 999, "9" * 9999),
            *("NaN", "Infinity", "1e3", "0x10", HUGE_TEXT),
        )
    )


PRICE = Kind(
    (
        *(None, "", "   ", *NOT_SCALAR, "abc", -1, -0.01, "-0.01", "1.234", 1.234, 10**8),
        *("100000000.00", "99999999.999", "NaN", "sNaN", "-NaN", "Infinity", "-Infinity", 1e300),
        *("1E+999999999", "1E-999999999", "0E+999999999", "9" * 999, "9" * 9999, HUGE_TEXT),
        *(HUGE_NUMBER, -HUGE_NUMBER),
    )
)
MOMENT = Kind(
    (
        *(None, "", "   ", *NOT_SCALAR, 5, 2030, 1e300, HUGE_NUMBER, "tomorrow", "20:00"),
        *("2030-02-30T00:00:00Z", "2030-13-01T00:00:00Z", "2030-01-01T25:00:00Z", "1893456000"),
        *("0001-01-01", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0000-01-01"),
        *("9999-12-31T23:59:59-12:00", "10000-01-01T00:00:00Z", "2030-01-01T00:00:00+99:00"),
        HUGE_TEXT,
    )
)
CHOICE = Kind(
    (None, "", "   ", *NOT_SCALAR, 5, "UNKNOWN", "standard", "owner", "VIP ", "ＶＩＰ", HUGE_TEXT)
)

NAMES = {"first_name": text(150, required=False), "last_name": text(150, required=False)}
NAMED = {"name": text(200, required=True)}
VENUE = {**NAMED, "address": text(500, required=False), "capacity": integer(1)}
ORGANIZATION = {**NAMED, "website": LINK, "contact_email": ADDRESS}
EVENT = {
    "organization": ID,
    "venue": ID,
    "category": ID,
    "title": text(200, required=True),
    "description": text(10_000, required=False),
    "starts_at": MOMENT,
    "ends_at": MOMENT,
    "capacity": integer(1, nullable=True),
}
TICKET = {"event": ID, "ticket_type": CHOICE, "price": PRICE, "quota": integer(0)}


def event_good(world: World) -> dict[str, Any]:
    starts_at = timezone.now() + timedelta(days=60)
    return {
        "organization": world.id("organization"),
        "venue": world.id("venue"),
        "category": world.id("category"),
        "title": "Second night",
        "description": "The same again.",
        "starts_at": iso(starts_at),
        "ends_at": iso(starts_at + timedelta(hours=2)),
        "capacity": 50,
    }


def ticket_good(world: World) -> dict[str, Any]:
    return {"event": world.id("event"), "ticket_type": "VIP", "price": "30.00", "quota": 40}


def venue_good(world: World) -> dict[str, Any]:
    return {"name": "The Barn", "address": "1 Lane", "capacity": 60}


def organization_good(world: World) -> dict[str, Any]:
    website, email = "https://example.com/", "office@example.com"
    return {"name": "Night Owls", "website": website, "contact_email": email}


def reset_of(user: User) -> dict[str, str]:
    """What the e-mail about a new password holds."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return {"uid": uid, "token": default_token_generator.make_token(user)}


def add_member_good(world: World) -> dict[str, Any]:
    return {"user_email": UserFactory().email, "role": "MEMBER"}


def with_owner(world: World) -> dict[str, Any]:
    return {**organization_good(world), "owner_email": UserFactory().email}


@dataclass(frozen=True)
class Endpoint:
    """A method and a route, the fields it reads, those it needs, and a body that it accepts."""

    method: str
    route: str
    fields: dict[str, Kind]
    good: Callable[[World], dict[str, Any]]
    status: int = 200
    row: str = ""
    required: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.method} {self.route}"

    def url(self, world: World) -> str:
        return reverse(self.route, args=world.ids(self.row) if self.row else [])

    def send(self, world: World, body: Any, **kwargs: Any) -> Any:
        return getattr(world.client, self.method)(self.url(world), body, **kwargs)

    def send_raw(
        self, world: World, body: bytes | str, content_type: str = "application/json"
    ) -> Any:
        method = self.method.upper()
        return world.client.generic(method, self.url(world), body, content_type=content_type)


def written(
    route: str,
    row: str,
    fields: dict[str, Kind],
    good: Callable[[World], dict[str, Any]],
    required: tuple[str, ...],
) -> list[Endpoint]:
    """PUT and PATCH of a resource."""
    return [
        Endpoint("put", route, fields, good, row=row, required=required),
        Endpoint("patch", route, fields, good, row=row),
    ]


NEEDS = {
    "event": ("organization", "venue", "category", "title", "starts_at", "ends_at"),
    "ticket": ("event", "ticket_type", "price", "quota"),
    "venue": ("name", "capacity"),
    "named": ("name",),
    "register": ("email", "password"),
    "passwords": ("old_password", "new_password"),
}


ENDPOINTS = [
    Endpoint(
        "post",
        "register",
        {"email": REQUIRED_ADDRESS, "password": NEW_PASSWORD, **NAMES},
        lambda world: {"email": "new@example.com", "password": PASSWORD, "first_name": "Ada"},
        status=201,
        required=NEEDS["register"],
    ),
    Endpoint(
        "post",
        "jwt-create",
        {"email": CREDENTIAL, "password": CREDENTIAL},
        lambda world: {"email": world.user.email, "password": PASSWORD},
        required=NEEDS["register"],
    ),
    Endpoint(
        "post",
        "jwt-refresh",
        {"refresh": CREDENTIAL},
        lambda world: {"refresh": str(RefreshToken.for_user(world.user))},
        required=("refresh",),
    ),
    Endpoint(
        "post",
        "jwt-verify",
        {"token": CREDENTIAL},
        lambda world: {"token": str(AccessToken.for_user(world.user))},
        required=("token",),
    ),
    Endpoint(
        "post",
        "jwt-blacklist",
        {"refresh": CREDENTIAL},
        lambda world: {"refresh": str(RefreshToken.for_user(world.user))},
        required=("refresh",),
    ),
    Endpoint("patch", "me", NAMES, lambda world: {"first_name": "Ada", "last_name": ""}),
    Endpoint(
        "post",
        "password-change",
        {"old_password": CREDENTIAL, "new_password": NEW_PASSWORD},
        lambda world: {"old_password": PASSWORD, "new_password": "another-word"},
        status=204,
        required=NEEDS["passwords"],
    ),
    Endpoint(
        "post",
        "password-reset",
        {"email": REQUIRED_ADDRESS},
        lambda world: {"email": world.user.email},
        status=204,
        required=("email",),
    ),
    Endpoint(
        "post",
        "password-reset-confirm",
        {"uid": CREDENTIAL, "token": CREDENTIAL, "new_password": NEW_PASSWORD},
        lambda world: {**reset_of(world.user), "new_password": "another-word"},
        status=204,
        required=("uid", "token", "new_password"),
    ),
    Endpoint("post", "event-list", EVENT, event_good, status=201, required=NEEDS["event"]),
    *written("event-detail", "event", EVENT, event_good, NEEDS["event"]),
    Endpoint(
        "post",
        "category-list",
        NAMED,
        lambda world: {"name": "Opera"},
        status=201,
        required=NEEDS["named"],
    ),
    *written("category-detail", "category", NAMED, lambda world: {"name": "Opera"}, NEEDS["named"]),
    Endpoint("post", "venue-list", VENUE, venue_good, status=201, required=NEEDS["venue"]),
    *written("venue-detail", "venue", VENUE, venue_good, NEEDS["venue"]),
    Endpoint(
        "post",
        "organization-list",
        {**ORGANIZATION, "owner_email": REQUIRED_ADDRESS},
        with_owner,
        status=201,
        required=NEEDS["named"],
    ),
    *written(
        "organization-detail", "organization", ORGANIZATION, organization_good, NEEDS["named"]
    ),
    Endpoint(
        "post",
        "organization-add-member",
        {"user_email": REQUIRED_ADDRESS, "role": CHOICE},
        add_member_good,
        status=201,
        row="organization",
        required=("user_email", "role"),
    ),
    Endpoint(
        "patch",
        "organization-member",
        {"role": CHOICE},
        lambda world: {"role": "MANAGER"},
        row="member",
    ),
    Endpoint("post", "ticket-list", TICKET, ticket_good, status=201, required=NEEDS["ticket"]),
    *written("ticket-detail", "ticket", TICKET, ticket_good, NEEDS["ticket"]),
    Endpoint(
        "post",
        "booking-list",
        {"event_ticket": ID, "quantity": integer(2)},
        lambda world: {"event_ticket": world.id("open_ticket"), "quantity": 2},
        status=201,
        required=("event_ticket", "quantity"),
    ),
]
