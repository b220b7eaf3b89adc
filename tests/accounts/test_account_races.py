"""Two requests about accounts at once, on real PostgreSQL, made to collide."""

from functools import partial

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from apps.accounts.models import User
from apps.organizations.models import Membership
from tests.bookings.helpers import cancel, confirm
from tests.bookings.parties import consistent, statuses
from tests.clients import client_of
from tests.factories import (
    PASSWORD,
    BookingFactory,
    EventsTicketFactory,
    MembershipFactory,
    UserFactory,
)
from tests.races import race, unlocked

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

OWNER = Membership.Role.OWNER


def closing(user):
    return partial(client_of(user).delete, reverse("me"), {"password": PASSWORD})


class TestTheLastTwoOwners:
    def collide(self):
        first = MembershipFactory(role=OWNER)
        second = MembershipFactory(role=OWNER, organization=first.organization)
        return statuses(race(closing(first.user), closing(second.user)))

    def test_do_not_both_go(self):
        assert self.collide() == [204, 400]
        assert Membership.objects.filter(role=OWNER).count() == 1

    def test_would_both_go_without_locks(self, monkeypatch):
        with unlocked(monkeypatch):
            assert self.collide() == [204, 204]
        assert not Membership.objects.exists()

    @pytest.mark.parametrize("closes_first", [True, False])
    def test_nor_when_one_leaves(self, closes_first):
        first = MembershipFactory(role=OWNER)
        second = MembershipFactory(role=OWNER, organization=first.organization)
        url = reverse("organization-leave", args=[first.organization_id])
        calls = [closing(first.user), partial(client_of(second.user).post, url)]
        outcome = statuses(race(*(calls if closes_first else calls[::-1])))
        assert outcome == [204, 400]
        assert Membership.objects.filter(role=OWNER).count() == 1


class TestTheLastTwoSuperusers:
    def collide(self):
        return statuses(race(*(closing(UserFactory(admin=True)) for _ in range(2))))

    def test_do_not_both_go(self):
        assert self.collide() == [204, 400]
        assert User.objects.filter(is_superuser=True).count() == 1

    def test_would_both_go_without_locks(self, monkeypatch):
        with unlocked(monkeypatch):
            assert self.collide() == [204, 204]
        assert not User.objects.filter(is_superuser=True).exists()


class TestOneResetToken:
    def collide(self):
        user = UserFactory()
        sent = {
            "uid": urlsafe_base64_encode(force_bytes(user.pk)),
            "token": default_token_generator.make_token(user),
        }
        url, client = reverse("password-reset-confirm"), client_of(user)
        calls = [
            partial(client.post, url, {**sent, "new_password": word})
            for word in ("first-word-1", "second-word-2")
        ]
        outcome = statuses(race(*calls))
        user.refresh_from_db()
        return outcome, user.check_password("first-word-1")

    def test_works_once(self):
        assert self.collide() == ([204, 400], True)

    def test_would_work_twice_without_locks(self, monkeypatch):
        with unlocked(monkeypatch):
            outcome, _ = self.collide()
        assert outcome == [204, 204]


class TestAHold:
    """Of somebody who closes the account."""

    @pytest.mark.parametrize("closes_first", [True, False])
    def test_that_is_cancelled_meanwhile_returns_its_tickets_once(self, closes_first):
        booking = BookingFactory()
        BookingFactory(event_ticket=booking.event_ticket)
        calls = [
            closing(booking.user),
            partial(cancel, client_of(UserFactory(admin=True)), booking),
        ]
        outcome = statuses(race(*(calls if closes_first else calls[::-1])))
        assert outcome == ([204, 400] if closes_first else [200, 204])
        assert consistent(booking.event_ticket)
        booking.refresh_from_db()
        assert booking.history.count() == 1

    @pytest.mark.parametrize("closes_first", [True, False])
    def test_that_is_confirmed_meanwhile_is_either_or(self, closes_first):
        booking = BookingFactory()
        calls = [
            closing(booking.user),
            partial(confirm, client_of(UserFactory(admin=True)), booking),
        ]
        outcome = statuses(race(*(calls if closes_first else calls[::-1])))
        assert outcome == ([204, 400] if closes_first else [200, 204])
        assert consistent(booking.event_ticket)
        booking.refresh_from_db()
        assert booking.status == ("CANCELLED" if closes_first else "CONFIRMED")

    def test_of_several_ticket_types_of_two_events(self):
        tickets = EventsTicketFactory.create_batch(3)
        first, second = UserFactory.create_batch(2)
        for user in (first, second):
            for ticket in tickets if user is first else tickets[::-1]:
                BookingFactory(user=user, event_ticket=ticket)
        assert statuses(race(closing(first), closing(second))) == [204, 204]
        assert consistent(*tickets)
