"""Services start again when the database rolls them back for another's sake, and only then."""

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.urls import reverse

from apps.bookings.models import Booking
from apps.bookings.sql import sell
from apps.common.transactions import ATTEMPTS, atomic
from apps.tickets.models import EventsTicket
from tests.bookings.helpers import place
from tests.clients import client_of
from tests.factories import EventsTicketFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

RETRYABLE = [psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected]
FINAL = [psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.OperationalError]


class Failing:
    """Fails as often as told, with the given error of the database; then returns its name."""

    __name__ = "failing"

    def __init__(self, error: type[Exception], times: int) -> None:
        self.error, self.left, self.calls = error, times, 0

    def __call__(self) -> str:
        assert connection.in_atomic_block
        self.calls += 1
        if self.left:
            self.left -= 1
            raise OperationalError("refused") from self.error()
        return "done"


@pytest.mark.parametrize("error", RETRYABLE)
@pytest.mark.parametrize("times", [1, ATTEMPTS - 1])
def test_what_stood_in_anothers_way_starts_again(error, times):
    failing = Failing(error, times)
    assert atomic(failing)() == "done"
    assert failing.calls == times + 1


@pytest.mark.parametrize("error", RETRYABLE)
def test_the_last_attempt_may_fail(error):
    failing = Failing(error, ATTEMPTS)
    with pytest.raises(OperationalError):
        atomic(failing)()
    assert failing.calls == ATTEMPTS


@pytest.mark.parametrize("error", FINAL)
def test_another_error_is_not_tried_again(error):
    failing = Failing(error, 1)
    with pytest.raises(OperationalError):
        atomic(failing)()
    assert failing.calls == 1


def test_only_the_outermost_transaction_can_start_again():
    failing = Failing(psycopg.errors.DeadlockDetected, 1)
    with pytest.raises(OperationalError), transaction.atomic():
        atomic(failing)()
    assert failing.calls == 1


def test_a_booking_is_placed_once_though_its_transaction_started_again(monkeypatch):
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    failing = Failing(psycopg.errors.SerializationFailure, 2)

    def sell_and_fail(ticket: EventsTicket, booking: Booking) -> None:
        sell(ticket, booking)
        failing()

    monkeypatch.setattr("apps.bookings.services.sell", sell_and_fail)
    assert place(client, ticket).status_code == 201
    assert Booking.objects.count() == 1
    ticket.refresh_from_db()
    assert ticket.sold == 2


def test_a_lock_that_is_not_to_be_had_is_busy(monkeypatch, anonymous):
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    failing = Failing(psycopg.errors.LockNotAvailable, 1)
    monkeypatch.setattr("apps.bookings.services.sell", lambda *args: failing())
    response = place(client, ticket)
    assert response.status_code == 503
    assert response.json()["code"] == "busy"
    assert response.headers["Retry-After"] == "1"
    assert anonymous.get(reverse("booking-list")).status_code == 401
