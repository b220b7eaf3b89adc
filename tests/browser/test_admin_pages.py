"""Django admin in a browser: from the start page to what needs doing, and back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.bookings.models import Booking
from apps.bookings.services import confirm_booking
from apps.events.services import cancel_event
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "password123"


@pytest.fixture
def admin_page(page) -> Page:
    """The start page, after a log-in by hand."""
    UserFactory(email="boss@example.org", admin=True)
    response = page.goto("/admin/")
    assert "default-src 'self'" in response.headers["content-security-policy"]
    page.locator("#id_username").fill("boss@example.org")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#site-name")).to_be_visible()
    return page


def fits(page: Page) -> bool:
    """Whether everything is there without scrolling to the side, within lists too."""
    boxes = "[document.documentElement, ...document.querySelectorAll('.results')]"
    return page.evaluate(f"{boxes}.every(box => box.scrollWidth <= box.clientWidth)")


def act(page: Page, action: str) -> None:
    """Do something with the first row of a list."""
    page.locator("input.action-select").first.check()
    page.locator("select[name=action]").select_option(action)
    page.get_by_role("button", name="Go").click()


def test_a_booking_is_found_on_the_start_page_and_confirmed(admin_page):
    event = EventFactory(title="Jazz by the river", starts_at=timezone.now() + timedelta(days=9))
    booking = BookingFactory(
        event_ticket__event=event, event_ticket__quota=10, user__email="ann@example.org"
    )
    admin_page.reload()
    expect(admin_page.locator("progress").first).to_be_visible()
    admin_page.get_by_role("link", name=f"Booking {booking.pk}").first.click()
    expect(admin_page.get_by_text("PENDING").first).to_be_visible()

    admin_page.goto("/admin/bookings/booking/")
    act(admin_page, "confirm")
    expect(admin_page.locator(".messagelist .success")).to_have_text("Confirmed: 1.")
    assert Booking.objects.get().status == "CONFIRMED"


def test_a_cancellation_is_asked_about_first(admin_page):
    booking = BookingFactory(confirmed=True)
    admin_page.goto("/admin/bookings/booking/")
    act(admin_page, "cancel")
    booking.refresh_from_db()
    assert booking.status == "CONFIRMED"
    admin_page.locator("input[type=submit], button[type=submit]").last.click()
    expect(admin_page.locator(".messagelist .success")).to_have_text("Cancelled: 1.")
    booking.refresh_from_db()
    assert booking.status == "CANCELLED"


def test_a_ticket_type_is_booked_by_names_instead_of_long_selects(admin_page):
    ticket = EventsTicketFactory(event__title="Jazz by the river", quota=10)
    UserFactory(email="ann@example.org")
    admin_page.goto("/admin/bookings/booking/add/")
    for field, text in (("user", "ann@"), ("event_ticket", "Jazz")):
        admin_page.locator(f".field-{field} .select2-selection").click()
        admin_page.locator(".select2-search__field").fill(text)
        admin_page.locator(".select2-results__option--highlighted").click()
    admin_page.get_by_label("Quantity").fill("2")
    admin_page.get_by_role("button", name="Save", exact=True).click()
    expect(admin_page.locator(".messagelist .success")).to_be_visible()
    ticket.refresh_from_db()
    assert (ticket.sold, Booking.objects.get().user.email) == (2, "ann@example.org")


def test_the_bookings_are_saved_as_a_file(admin_page):
    booking = BookingFactory(user__email="ann@example.org")
    admin_page.goto("/admin/bookings/booking/")
    with admin_page.expect_download() as download:
        act(admin_page, "export")
    assert download.value.suggested_filename == "bookings.csv"
    _, row = download.value.path().read_text().splitlines()
    assert row.startswith(f"{booking.pk},{booking.user_id},ann@example.org,")


def test_everything_fits_into_the_window(admin_page, picture, settings):
    settings.ALLOW_SEED = True
    numbers = {"users": 40, "orgs": 5, "venues": 6, "cats": 6, "events": 24, "bookings": 400}
    call_command("seed", random_seed=7, verbosity=0, **numbers)
    booked = Booking.objects.filter(
        status="PENDING", event_ticket__event__starts_at__gt=datetime.now(UTC) + timedelta(days=2)
    ).first()
    confirm_booking(booking_id=booked.pk)
    cancel_event(event_id=booked.event_ticket.event_id, actor=None)

    for name, path in (
        ("admin", "/admin/"),
        ("admin-bookings", "/admin/bookings/booking/"),
        ("", "/admin/events/event/"),
        ("", f"/admin/events/event/{booked.event_ticket.event_id}/change/"),
        ("", "/admin/organizations/organization/"),
        ("", "/admin/tickets/eventsticket/"),
        ("", "/admin/accounts/user/"),
    ):
        admin_page.goto(path)
        expect(admin_page.locator("#content")).to_be_visible()
        if name:
            picture(admin_page, name)
        assert fits(admin_page), path
