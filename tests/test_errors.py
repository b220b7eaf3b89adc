"""What refusals say: docs/errors.md against the code, and who would have had the right."""

import ast
import re
from collections.abc import Callable, Iterator
from inspect import getfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.db import OperationalError
from django.urls import get_resolver, reverse
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework_simplejwt import authentication, exceptions
from rest_framework_simplejwt.tokens import AccessToken

from apps.accounts.models import User
from apps.common.errors import DomainError, FieldError
from apps.common.exceptions import exception_handler, status_of
from tests.clients import client_of
from tests.factories import EventFactory, MembershipFactory, OrganizationFactory, UserFactory

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "errors.md"


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """All of the API's modules, whose classes are looked at here."""
    assert get_resolver().url_patterns


class Documented(NamedTuple):
    code: str
    status: int
    members: frozenset[str]


def rows() -> Iterator[list[str]]:
    """The cells of the table of codes, line by line."""
    chapter = PAGE.read_text().split("## Codes")[1].split("\n## ")[0]
    for line in chapter.splitlines():
        if line.startswith("| `") and not line.startswith("| `code`"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def documented() -> list[Documented]:
    return [
        Documented(code.strip("`"), int(status), frozenset(re.findall(r"`(\w+)`", members)))
        for code, status, _, members, _ in rows()
    ]


def subclasses(of: type) -> Iterator[type]:
    for each in of.__subclasses__():
        yield each
        yield from subclasses(each)


def of_rules() -> list[Documented]:
    return [
        Documented(each.code, status_of(each), frozenset(each.example))
        for each in set(subclasses(DomainError)) - {FieldError}
    ]


def me(**headers: str) -> Response:
    return APIClient().get(reverse("me"), headers=headers)


def me_as(user: User, **changes: Any) -> Response:
    """The answer to a token of `user` after the account has changed."""
    token = AccessToken.for_user(user)
    User.objects.filter(pk=user.pk).update(**changes)
    return me(authorization=f"Bearer {token}")


def me_of_nobody() -> Response:
    user = UserFactory()
    token = AccessToken.for_user(user)
    user.delete()
    return me(authorization=f"Bearer {token}")


def post(route: str, **body: str) -> Response:
    return APIClient().post(reverse(route), body)


def busy() -> Response:
    response = exception_handler(OperationalError("database is locked"), {})
    assert response is not None
    return response


# What else has a code: how to meet it, and what comes with it.
OTHERS: dict[Documented, Callable[[], Response]] = {
    Documented("bad_authorization_header", 401, frozenset()): lambda: me(authorization="Bearer"),
    Documented("token_not_valid", 401, frozenset({"messages"})): lambda: me(
        authorization="Bearer nonsense"
    ),
    Documented("token_not_valid", 401, frozenset()): lambda: post("jwt-refresh", refresh="x"),
    Documented("user_not_found", 401, frozenset()): me_of_nobody,
    Documented("user_inactive", 401, frozenset()): lambda: me_as(UserFactory(), is_active=False),
    Documented("password_changed", 401, frozenset()): lambda: me_as(UserFactory(), password="x"),
    Documented("no_active_account", 401, frozenset()): lambda: post(
        "jwt-create", email="nobody@example.com", password="wrong"
    ),
    Documented("busy", 503, frozenset()): busy,
}
# Met where two transactions collide: see test_exception_handler.py.
CONFLICT = Documented("conflict", 400, frozenset())


def codes_in(path: Path) -> Iterator[str]:
    """Every text that this source gives the name `code` or `default_code`."""
    names = {"code", "default_code"}
    for node in ast.walk(ast.parse(path.read_text())):
        pairs: list[tuple[Any, Any]] = []
        if isinstance(node, ast.Call):
            pairs = [(each.arg, each.value) for each in node.keywords]
        elif isinstance(node, ast.Dict):
            pairs = [
                (getattr(key, "value", None), value)
                for key, value in zip(node.keys, node.values, strict=True)
            ]
        elif isinstance(node, ast.Assign):
            pairs = [(getattr(each, "id", None), node.value) for each in node.targets]
        for name, value in pairs:
            if name in names and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


class TestPage:
    def test_it_has_every_refusal_with_its_status_and_members_and_no_other(self):
        in_code = {*of_rules(), *OTHERS, CONFLICT}
        assert sorted(documented()) == sorted(in_code)

    def test_no_code_is_set_anywhere_that_it_does_not_have(self):
        sources = [*(ROOT / "apps").glob("*/*.py")]
        sources += [Path(getfile(each)) for each in (authentication, exceptions)]
        found = {code for path in sources for code in codes_in(path)}
        # That of field errors is not shown.
        assert found - {FieldError.code} == {each.code for each in documented()}

    def test_it_says_when_and_what_to_do(self):
        for code, _, when, _, advice in rows():
            assert when not in ("", "–"), code
            assert advice not in ("", "–"), code

    @pytest.mark.django_db
    @pytest.mark.parametrize("expected", OTHERS, ids=str)
    def test_what_no_rule_refuses_has_that_status_and_those_members(self, expected):
        response = OTHERS[expected]()
        data = response.data
        found = Documented(data["code"], response.status_code, frozenset(data))
        assert found == expected._replace(members=expected.members | {"detail", "code"})

    def test_the_api_tells_where_it_is(self, anonymous):
        described = anonymous.get(reverse("schema"), {"format": "json"}).json()["info"]
        assert "docs/errors.md" in described["description"]


@pytest.mark.django_db
class TestRights:
    def test_every_permission_class_says_who_would_pass(self):
        ours = [each for each in subclasses(BasePermission) if each.__module__.startswith("apps.")]
        assert len(ours) > 10
        for each in ours:
            assert re.fullmatch(r"Only .+ may .+\.", each.message)

    def refusal(self, response: Response) -> str:
        assert response.status_code == 403
        assert set(response.json()) == {"detail"}
        return response.json()["detail"]

    def test_events_of_mine(self, customer):
        said = self.refusal(customer.get(reverse("event-my-events")))
        assert said == "Only a member of an organization or an admin may do this."

    def test_moving_an_event_to_another_organization(self):
        member = MembershipFactory(role="MANAGER")
        event = EventFactory(organization=member.organization)
        url = reverse("event-detail", args=[event.pk])
        body = {"organization": OrganizationFactory().pk}
        said = self.refusal(client_of(member.user).patch(url, body))
        assert said == (
            "Only an OWNER or MANAGER of the other organization too, or an admin, may move the "
            "event there."
        )
        said = self.refusal(client_of(UserFactory()).patch(url, body))
        assert said == "Only an OWNER or MANAGER of the organization or an admin may do this."

    def test_booking_as_support(self, support):
        said = self.refusal(support.post(reverse("booking-list"), {}))
        assert said == "Only a customer or an admin may book; support accounts may not."

    @pytest.mark.parametrize(
        ("role", "who"), [("MEMBER", "an OWNER or MANAGER"), ("OWNER", "an OWNER")]
    )
    def test_a_role_that_was_lost_while_the_request_ran(self, monkeypatch, role, who):
        """The permission classes have let it pass; the rule that looks again says the same."""
        monkeypatch.setattr(
            "apps.organizations.views.OrganizationViewSet.get_permissions", lambda self: []
        )
        organization = OrganizationFactory()
        url = reverse("organization-add-member", args=[organization.pk])
        body = {"user_email": UserFactory().email, "role": role}
        said = self.refusal(client_of(UserFactory()).post(url, body))
        assert said == f"Only {who} of the organization or an admin may do this."


@pytest.mark.django_db
class TestFields:
    @pytest.mark.parametrize(
        ("route", "body", "fields"),
        [
            ("register", {"email": "nonsense"}, {"email", "password"}),
            ("register", {"email": "ann@example.org", "password": "short"}, {"password"}),
            ("organization-list", {"name": "", "website": "nonsense"}, {"name", "website"}),
            ("venue-list", {"name": "Hall", "capacity": 0}, {"capacity"}),
            ("booking-list", {"event_ticket": 999, "quantity": 1}, {"event_ticket", "quantity"}),
            (
                "ticket-list",
                {"ticket_type": "GOLD", "price": "1.234", "event": "07"},
                {"event", "ticket_type", "price", "quota"},
            ),
        ],
    )
    def test_broken_input_is_named_by_field(self, admin, route, body, fields):
        response = admin.post(reverse(route), body)
        assert response.status_code == 400
        assert set(response.json()) == fields
        assert all(texts and all(texts) for texts in response.json().values())
