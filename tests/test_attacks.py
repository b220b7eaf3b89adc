"""What somebody would try who has read the schema: to get rights that are not theirs."""

import json
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.events.models import Event
from apps.organizations.models import Membership
from tests.bookings.helpers import cancel, confirm, place, refund, sold
from tests.clients import client_of
from tests.common.helpers import ids, unchanged
from tests.factories import (
    PASSWORD,
    BookingFactory,
    EventFactory,
    EventsTicketFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

Role = Membership.Role
FAR = 30


def patch(client: APIClient, event: Event, **changes: Any) -> int:
    return client.patch(reverse("event-detail", args=[event.pk]), changes).status_code


def rights_of(user: User) -> tuple[bool, bool, bool]:
    return user.is_staff, user.is_superuser, user.is_support


def event_body(event: Event, **changes: Any) -> dict[str, Any]:
    body = {
        "organization": event.organization_id,
        "venue": event.venue_id,
        "category": event.category_id,
        "title": "Mine now",
        "starts_at": (timezone.now() + timedelta(days=9)).isoformat(),
        "ends_at": (timezone.now() + timedelta(days=10)).isoformat(),
    }
    return {**body, **changes}


class TestRightsElsewhere:
    @pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER])
    def test_a_manager_of_another_organization_is_a_stranger_here(self, role):
        booking = BookingFactory(confirmed=True)
        event, ticket = booking.event_ticket.event, booking.event_ticket
        client = client_of(MembershipFactory(role=role).user)
        organization = event.organization_id
        target = UserFactory()
        attempts = [
            lambda: patch(client, event, title="x"),
            lambda: client.post(reverse("event-publish", args=[event.pk])).status_code,
            lambda: client.post(reverse("event-cancel", args=[event.pk])).status_code,
            lambda: client.delete(reverse("event-detail", args=[event.pk])).status_code,
            lambda: client.get(reverse("event-bookings", args=[event.pk])).status_code,
            lambda: client.get(reverse("event-bookings-export", args=[event.pk])).status_code,
            lambda: client.get(reverse("event-stats", args=[event.pk])).status_code,
            lambda: (
                client.patch(
                    reverse("ticket-detail", args=[ticket.pk]), {"price": "0.00"}
                ).status_code
            ),
            lambda: client.delete(reverse("ticket-detail", args=[ticket.pk])).status_code,
            lambda: refund(client, booking).status_code,
            lambda: confirm(client, booking).status_code,
            lambda: client.get(reverse("organization-members", args=[organization])).status_code,
            lambda: (
                client.post(
                    reverse("organization-add-member", args=[organization]),
                    {"user_email": target.email, "role": "MEMBER"},
                ).status_code
            ),
        ]
        with unchanged():
            assert [attempt() for attempt in attempts] == [403] * len(attempts)
            assert cancel(client, booking).status_code == 404

    def test_an_owner_of_two_moves_an_event_between_them_and_nowhere_else(self):
        user = UserFactory()
        first, second = (MembershipFactory(user=user, role=Role.OWNER) for _ in range(2))
        event = EventFactory(organization=first.organization)
        third = OrganizationFactory()
        client = client_of(user)
        assert patch(client, event, organization=second.organization_id) == 200
        with unchanged():
            assert patch(client, event, organization=third.pk) == 403
            body = event_body(event, organization=third.pk)
            url = reverse("event-detail", args=[event.pk])
            assert client.put(url, body).status_code == 403
            assert client.post(reverse("event-list"), body).status_code == 403

    def test_a_manager_here_and_member_there_moves_nothing_there(self):
        user = UserFactory()
        here = MembershipFactory(user=user, role=Role.MANAGER)
        there = MembershipFactory(user=user, role=Role.MEMBER)
        event = EventFactory(organization=here.organization)
        with unchanged():
            assert patch(client_of(user), event, organization=there.organization_id) == 403


class TestRightsThatWereTaken:
    """Tokens carry no rights: what an account may do is read with every request."""

    def test_a_removed_member_is_out_at_once(self):
        membership = MembershipFactory(role=Role.MANAGER)
        event = EventFactory(organization=membership.organization, draft=True)
        client = client_of(membership.user)
        url = reverse("event-detail", args=[event.pk])
        assert client.get(url).status_code == 200
        Membership.objects.filter(pk=membership.pk).delete()
        assert client.get(url).status_code == 404
        with unchanged():
            assert patch(client, event, title="x") == 403
        assert client.get(reverse("event-my-events")).status_code == 403

    def test_a_demoted_admin_is_a_customer_at_once(self):
        admin, booking = UserFactory(admin=True), BookingFactory()
        client = client_of(admin)
        assert ids(client.get(reverse("booking-list"))) == [booking.pk]
        User.objects.filter(pk=admin.pk).update(is_staff=False, is_superuser=False)
        assert ids(client.get(reverse("booking-list"))) == []
        with unchanged():
            assert confirm(client, booking).status_code == 403
            assert client.post(reverse("category-list"), {"name": "x"}).status_code == 403

    @pytest.mark.parametrize("lost", ["is_active", "password", "account"])
    def test_a_valid_token_of_a_lost_account_opens_nothing(self, lost):
        user = UserFactory()
        client, refresh = client_of(user), str(RefreshToken.for_user(user))
        assert client.get(reverse("me")).status_code == 200
        if lost == "account":
            user.outstandingtoken_set.all().delete()
            user.delete()
        elif lost == "is_active":
            User.objects.filter(pk=user.pk).update(is_active=False)
        else:
            user.set_password("another-word-9")
            user.save()
        ticket = EventsTicketFactory()
        with unchanged():
            assert client.get(reverse("me")).status_code == 401
            assert client.get(reverse("event-list")).status_code == 401
            assert place(client, ticket).status_code == 401
            answer = APIClient().post(reverse("jwt-refresh"), {"refresh": refresh})
            assert answer.status_code == 401

    @pytest.mark.parametrize("claim", ["user_id", "hash_password", "exp"])
    def test_a_forged_claim_is_no_token(self, claim):
        victim, thief = UserFactory(admin=True), UserFactory()
        token = AccessToken.for_user(thief)
        token[claim] = {"user_id": str(victim.pk), "hash_password": "x", "exp": 1}[claim]
        header, payload, _ = str(token).split(".")
        signature = str(AccessToken.for_user(thief)).split(".")[2]
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {header}.{payload}.{signature}")
        assert client.get(reverse("me")).status_code == 401

    def test_an_unsigned_token_is_no_token(self):
        payload = str(AccessToken.for_user(UserFactory())).split(".")[1]
        client = APIClient()
        header = b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {header}.{payload}.")
        assert client.get(reverse("me")).status_code == 401


class TestGuessedIds:
    def test_bookings_of_others_are_nowhere_to_be_found(self):
        own = BookingFactory()
        others = [BookingFactory(event_ticket=own.event_ticket) for _ in range(3)]
        client = client_of(own.user)
        guesses = range(max(1, own.pk - FAR), others[-1].pk + FAR)
        found = [
            pk
            for pk in guesses
            if client.get(reverse("booking-detail", args=[pk])).status_code != 404
        ]
        assert found == [own.pk]
        with unchanged():
            for booking in others:
                assert cancel(client, booking).status_code == 404

    def test_a_draft_and_its_tickets_answer_as_if_they_were_not(self, customer):
        ticket = EventsTicketFactory(event=EventFactory(draft=True))
        nothing = ticket.pk + FAR
        for route, pk in (
            ("event-detail", ticket.event_id),
            ("event-available-tickets", ticket.event_id),
            ("ticket-detail", ticket.pk),
        ):
            hidden = customer.get(reverse(route, args=[pk]))
            missing = customer.get(reverse(route, args=[nothing]))
            assert (hidden.status_code, hidden.json()) == (404, missing.json())
        hidden = place(customer, ticket)
        missing = customer.post(reverse("booking-list"), {"event_ticket": nothing, "quantity": 2})
        assert hidden.status_code == missing.status_code == 400
        assert hidden.json()["event_ticket"][0].replace(str(ticket.pk), "N") == (
            missing.json()["event_ticket"][0].replace(str(nothing), "N")
        )


class TestMassAssignment:
    def test_registration_gives_no_rights(self, anonymous):
        body = {"email": "eve@example.com", "password": PASSWORD, "id": 1, "pk": 1}
        body |= {"is_staff": True, "is_superuser": True, "is_support": True, "is_active": False}
        body |= {"groups": [1], "user_permissions": [1], "date_joined": "2000-01-01T00:00:00Z"}
        assert anonymous.post(reverse("register"), body).status_code == 201
        user = User.objects.get(email="eve@example.com")
        assert user.is_active
        assert rights_of(user) == (False, False, False)
        assert user.date_joined.year > 2000

    def test_an_account_gives_itself_nothing_but_names(self):
        user = UserFactory(email="eve@example.com")
        body = {"is_staff": True, "is_support": True, "email": "other@example.com", "id": 99}
        body |= {"password": "another-word-9", "is_superuser": True, "first_name": "Eve"}
        assert client_of(user).patch(reverse("me"), body).status_code == 200
        after = User.objects.get(pk=user.pk)
        assert (after.first_name, after.email) == ("Eve", "eve@example.com")
        assert rights_of(after) == (False, False, False)
        assert after.check_password(PASSWORD)

    def test_a_booking_is_ones_own_pending_and_at_the_price_of_the_day(self):
        user, victim, ticket = UserFactory(), UserFactory(), EventsTicketFactory()
        body = {"event_ticket": ticket.pk, "quantity": 2, "user": victim.pk, "sold": 0}
        body |= {"status": "CONFIRMED", "unit_price": "0.01", "expires_at": None, "id": 7}
        body |= {"confirmed_at": "2020-01-01T00:00:00Z", "idempotency_key": "x"}
        assert client_of(user).post(reverse("booking-list"), body).status_code == 201
        booking = Booking.objects.get()
        assert (booking.user, booking.status, booking.idempotency_key) == (user, "PENDING", "")
        assert (str(booking.unit_price), booking.confirmed_at) == ("25.00", None)
        assert booking.expires_at is not None

    def test_an_event_is_not_published_by_saying_so(self):
        event = EventFactory(draft=True)
        client = client_of(
            MembershipFactory(organization=event.organization, role=Role.MANAGER).user
        )
        body = {"status": "PUBLISHED", "published_at": "2020-01-01T00:00:00Z", "title": "New"}
        assert patch(client, event, **body) == 200
        event.refresh_from_db()
        assert (event.status, event.published_at, event.title) == ("DRAFT", None, "New")

    def test_stock_is_not_freed_by_saying_so(self, admin):
        ticket = BookingFactory().event_ticket
        url = reverse("ticket-detail", args=[ticket.pk])
        assert admin.patch(url, {"sold": 0, "available": 99}).status_code == 200
        assert sold(ticket) == 2


class TestMethodOverride:
    @pytest.mark.parametrize(
        "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]
    )
    def test_a_header_does_not_change_the_method(self, header):
        booking = BookingFactory()
        client = client_of(booking.user)
        url = reverse("booking-detail", args=[booking.pk])
        with unchanged():
            assert client.get(url, headers={header: "DELETE"}).status_code == 200
            assert client.post(url, headers={header: "PATCH"}).status_code == 405

    def test_neither_does_a_parameter_or_a_field(self):
        booking = BookingFactory()
        client = client_of(booking.user)
        url = reverse("booking-detail", args=[booking.pk])
        with unchanged():
            assert client.get(url, {"_method": "DELETE"}).status_code == 200
            assert client.post(url, {"_method": "DELETE"}).status_code == 405


class TestFiltersTellNothing:
    """Of what one may not see, neither rows nor counts nor an order give anything away."""

    @pytest.fixture
    def hidden(self) -> Event:
        event = EventFactory(draft=True, title="Secret reunion")
        EventsTicketFactory(event=event, price="1234.00")
        return event

    def answers(self, client: APIClient, hidden: Event) -> list[dict[str, Any]]:
        lists = [
            ("event-list", {"status": "DRAFT"}),
            ("event-list", {"search": "secret"}),
            ("event-list", {"status": "DRAFT", "organization": hidden.organization_id}),
            ("event-list", {"venue": hidden.venue_id}),
            ("ticket-list", {"event": hidden.pk}),
            ("ticket-list", {"ordering": "-price"}),
        ]
        return [client.get(reverse(route), params).json() for route, params in lists]

    def test_drafts(self, anonymous, customer, hidden):
        nothing = {"count": 0, "next": None, "previous": None, "results": []}
        for client in (anonymous, customer):
            assert self.answers(client, hidden) == [nothing] * 6

    def test_the_same_filters_find_them_for_their_members(self, hidden):
        member = MembershipFactory(organization=hidden.organization).user
        counts = [each["count"] for each in self.answers(client_of(member), hidden)]
        assert counts == [1, 0, 1, 0, 1, 1]

    @pytest.mark.parametrize(
        "params",
        [
            {"user": "1"},
            {"user__email": "victim@example.com"},
            {"user__email__startswith": "v"},
            {"search": "victim"},
            {"ordering": "user__password"},
            {"event_ticket__event__organization__memberships__user": "1"},
        ],
    )
    def test_bookings_of_others(self, params):
        own = BookingFactory()
        BookingFactory(event_ticket=own.event_ticket, user__email="victim@example.com")
        response = client_of(own.user).get(reverse("booking-list"), params)
        assert (response.json()["count"], ids(response)) == (1, [own.pk])

    def test_counts_of_bookings_are_of_ones_own(self):
        own = BookingFactory()
        ticket = own.event_ticket
        BookingFactory.create_batch(3, event_ticket=ticket)
        client = client_of(own.user)
        for params in (
            {"event": ticket.event_id},
            {"event_ticket": ticket.pk},
            {"status": "PENDING"},
        ):
            assert client.get(reverse("booking-list"), params).json()["count"] == 1

    def test_an_event_shows_nobody_who_is_going(self, customer):
        booking = BookingFactory(user__email="victim@example.com")
        ticket = booking.event_ticket
        for route, args in (
            ("event-detail", [ticket.event_id]),
            ("event-available-tickets", [ticket.event_id]),
            ("ticket-list", []),
            ("organization-detail", [ticket.event.organization_id]),
        ):
            assert b"victim" not in customer.get(reverse(route, args=args)).content
