"""What Prometheus is told: every request by its route, and every booking once it is true."""

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from apps.bookings import metrics
from apps.bookings.models import Booking
from apps.bookings.services import confirm_booking, expire_bookings
from apps.common.metrics import CACHE_SECONDS
from apps.events.services import cancel_event
from tests.bookings.helpers import cancel, confirm, place, refund
from tests.clients import client_of
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory, UserFactory

pytestmark = pytest.mark.django_db

OUTCOMES = {
    "placed",
    "replayed",
    "sold_out",
    "refused",
    "confirmed",
    "cancelled",
    "refunded",
    "expired",
    "event_cancelled",
}


@pytest.fixture(autouse=True)
def _nothing_cached():
    metrics.holds.forget()


def scrape() -> dict[tuple[str, frozenset], float]:
    response = Client().get("/metrics")
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def grown(before: dict, name: str) -> dict[tuple[str, ...], float]:
    """By how much the samples of `name` have grown since, by their labels' values in order."""
    return {
        tuple(value for _, value in sorted(labels)): value - before.get((sample, labels), 0)
        for (sample, labels), value in scrape().items()
        if sample == name and value != before.get((sample, labels), 0)
    }


class TestRequests:
    def counted(self, before):
        return grown(before, "btick_http_requests_total")

    def test_a_route_is_one_label_whatever_its_path(self, anonymous):
        events, before = EventFactory.create_batch(2), scrape()
        for event in events:
            anonymous.get(reverse("event-detail", args=[event.pk]), {"page": "1"})
        assert self.counted(before) == {("GET", "event-detail", "200"): 2}

    def test_method_and_status_are_told_apart(self, anonymous):
        before = scrape()
        anonymous.get(reverse("event-detail", args=[10**6]))
        anonymous.delete(reverse("event-detail", args=[10**6]))
        anonymous.post(reverse("booking-list"))
        assert self.counted(before) == {
            ("GET", "event-detail", "404"): 1,
            ("DELETE", "event-detail", "401"): 1,
            ("POST", "booking-list", "401"): 1,
        }

    def test_all_paths_without_a_route_are_one(self, anonymous):
        before = scrape()
        for path in ("/api/none/", "/api/v1/events", "/nowhere", "/admin/none/", "/metrics/"):
            anonymous.get(path)
        (labels,) = {labels[:2] for labels in self.counted(before)}
        assert labels == ("GET", "unmatched")

    def test_methods_that_clients_make_up_are_one(self, anonymous):
        before = scrape()
        for method in ("BREW", "PURGE"):
            anonymous.generic(method, reverse("event-list"))
        assert self.counted(before) == {("other", "event-list", "405"): 2}

    def test_the_time_is_counted_by_route(self, anonymous):
        before = scrape()
        anonymous.get(reverse("event-list"))
        assert grown(before, "btick_http_request_seconds_count") == {("event-list",): 1}
        (seconds,) = grown(before, "btick_http_request_seconds_sum").values()
        assert 0 < seconds < 10

    def test_probes_and_scrapes_are_not_counted(self, anonymous):
        before = scrape()
        for path in ("/livez", "/readyz", "/metrics"):
            anonymous.get(path)
        assert self.counted(before) == {}


class TestAccess:
    def test_a_missing_setting_closes_it(self, settings, anonymous):
        settings.METRICS_WITHOUT_TOKEN = False
        for headers in ({}, {"Authorization": "Bearer "}):
            assert anonymous.get("/metrics", headers=headers).status_code == 404

    @pytest.mark.parametrize(
        "given",
        [None, "", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "secret", "Basic secret"],
    )
    @pytest.mark.parametrize("is_open", [True, False])
    def test_another_token_is_refused(self, settings, anonymous, given, is_open):
        settings.METRICS_TOKEN, settings.METRICS_WITHOUT_TOKEN = "secret", is_open
        headers = {} if given is None else {"Authorization": given}
        response = anonymous.get("/metrics", headers=headers)
        assert (response.status_code, response.content) == (401, b"")
        assert response.headers["WWW-Authenticate"] == "Bearer"

    def test_the_token_opens_it_by_any_host_name(self, settings):
        settings.METRICS_TOKEN, settings.METRICS_WITHOUT_TOKEN = "secret", False
        settings.SECURE_SSL_REDIRECT = True
        headers = {"Authorization": "Bearer secret", "Host": "10.0.0.7:8000"}
        response = Client(headers=headers).get("/metrics")
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        assert b"\nbtick_bookings_total{" in response.content


class TestBookings:
    @pytest.fixture
    def counted(self, django_capture_on_commit_callbacks):
        def count(act):
            before = scrape()
            with django_capture_on_commit_callbacks(execute=True):
                act()
            grew = grown(before, "btick_bookings_total")
            return {outcome: number for (outcome,), number in grew.items()}

        return count

    def test_every_outcome_is_there_before_it_has_happened(self):
        outcomes = {dict(labels)["outcome"] for name, labels in scrape() if "bookings" in name}
        assert outcomes == OUTCOMES

    def test_placing(self, counted, customer):
        ticket = EventsTicketFactory(quota=5)
        assert counted(lambda: place(customer, ticket, key="one")) == {"placed": 1}
        assert counted(lambda: place(customer, ticket, key="one")) == {"replayed": 1}
        assert counted(lambda: place(customer, ticket, 3, key="one")) == {"refused": 1}
        assert counted(lambda: place(customer, ticket, 4)) == {"sold_out": 1}
        assert counted(lambda: place(customer, ticket, 1)) == {}

    @pytest.mark.parametrize("state", ["cancelled", "running"])
    def test_placing_for_an_event_that_is_not_open(self, counted, customer, state):
        ticket = EventsTicketFactory(**{f"event__{state}": True})
        assert counted(lambda: place(customer, ticket)) == {"refused": 1}

    def test_a_purchase_that_expires_holds(self, counted, customer):
        ticket = EventsTicketFactory(quota=4)
        BookingFactory.create_batch(2, event_ticket=ticket, run_out=True)
        assert counted(lambda: place(customer, ticket, 4)) == {"placed": 1, "expired": 2}

    def test_confirming_and_refunding(self, counted, support):
        booking = BookingFactory()
        assert counted(lambda: confirm(support, booking)) == {"confirmed": 1}
        assert counted(lambda: confirm(support, booking)) == {"refused": 1}
        assert counted(lambda: refund(support, booking)) == {"refunded": 1}
        assert counted(lambda: refund(support, booking)) == {"refused": 1}

    def test_cancelling_by_customer_or_support(self, counted, support):
        own, other = BookingFactory.create_batch(2)
        customer = client_of(own.user)
        assert counted(lambda: cancel(customer, own)) == {"cancelled": 1}
        assert counted(lambda: cancel(support, other)) == {"cancelled": 1}
        assert counted(lambda: cancel(support, other)) == {"refused": 1}
        assert counted(lambda: cancel(customer, other)) == {}

    def test_the_sweep(self, counted):
        BookingFactory.create_batch(3, run_out=True)
        BookingFactory()
        assert counted(expire_bookings) == {"expired": 3}
        assert counted(expire_bookings) == {}

    def test_cancelling_an_event(self, counted):
        ticket = EventsTicketFactory()
        BookingFactory.create_batch(2, event_ticket=ticket)
        BookingFactory(event_ticket=ticket, confirmed=True)
        BookingFactory(event_ticket=ticket, cancelled=True)
        actor = UserFactory(admin=True)
        act = lambda: cancel_event(event_id=ticket.event_id, actor=actor)  # noqa: E731
        assert counted(act) == {"event_cancelled": 3}


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_counted():
    booking, before = BookingFactory(), scrape()
    with transaction.atomic():
        confirm_booking(booking_id=booking.pk)
        transaction.set_rollback(True)
    assert grown(before, "btick_bookings_total") == {}
    confirm_booking(booking_id=booking.pk)
    assert grown(before, "btick_bookings_total") == {("confirmed",): 1}


class TestHolds:
    def holds(self):
        values = scrape()
        return {
            state: values.get(("btick_holds", frozenset({("state", state)})))
            for state in ("live", "run_out")
        }

    def test_pending_bookings_are_live_or_run_out(self):
        now = timezone.now()
        BookingFactory.create_batch(2)
        BookingFactory.create_batch(3, run_out=True)
        BookingFactory(confirmed=True)
        BookingFactory(cancelled=True)
        Booking.objects.filter(pk=BookingFactory().pk).update(expires_at=now + timedelta(minutes=1))
        assert self.holds() == {"live": 3, "run_out": 3}

    def test_one_query_serves_a_few_seconds(self, django_assert_num_queries, monkeypatch):
        with django_assert_num_queries(1):
            assert self.holds() == {"live": 0, "run_out": 0}
        BookingFactory()
        with django_assert_num_queries(0):
            assert self.holds() == {"live": 0, "run_out": 0}
        later = metrics.holds._read_at + CACHE_SECONDS
        monkeypatch.setattr("apps.common.metrics.time.monotonic", lambda: later)
        assert self.holds() == {"live": 1, "run_out": 0}

    def test_without_a_database_the_rest_is_there(self, monkeypatch):
        def refuse():
            raise OperationalError("connection refused")

        monkeypatch.setattr(metrics.holds, "read", refuse)
        assert self.holds() == {"live": None, "run_out": None}
