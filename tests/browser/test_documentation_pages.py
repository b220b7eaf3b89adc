"""Swagger and Redoc in a browser: everything from here, and a booking clicked through."""

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.factories import EventFactory, EventsTicketFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SWAGGER, REDOC = "/api/schema/swagger/", "/api/schema/redoc/"
CHAPTERS = [
    "Authentication and users",
    "Events",
    "Categories",
    "Venues",
    "Organizations",
    "Tickets",
    "Bookings",
]
PASSWORD = "password123"


class Swagger:
    """The page as somebody uses it who reads and clicks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.open()

    def open(self) -> None:
        response = self.page.goto(SWAGGER)
        assert "default-src 'self'" in response.headers["content-security-policy"]
        expect(self.page.locator(".opblock-tag").last).to_be_visible()

    def operation(self, chapter: str, name: str) -> Locator:
        return self.page.locator(f"#operations-{chapter.replace(' ', '_')}-{name}")

    def send(self, chapter: str, name: str, body=None, **parameters) -> tuple[int, dict]:
        """Open an operation, try it out, and read its answer."""
        operation = self.operation(chapter, name)
        if "is-open" not in operation.get_attribute("class"):
            operation.locator(".opblock-summary-control").click()
            operation.get_by_role("button", name="Try it out").click()
        for parameter, value in parameters.items():
            operation.locator(f"tr[data-param-name='{parameter}'] input").fill(str(value))
        if body is not None:
            operation.locator("textarea.body-param__text").fill(json.dumps(body))
        if operation.get_by_role("button", name="Clear").count():
            operation.get_by_role("button", name="Clear").click()
        operation.get_by_role("button", name="Execute").click()
        answer = operation.locator(".live-responses-table .response").first
        status = answer.locator(".response-col_status").inner_text()
        content = answer.locator(".highlight-code code").first.inner_text()
        return int(status.split()[0]), json.loads(content)

    def log_in(self, email: str) -> None:
        """By the operation, and with its token in the dialog that all others use."""
        body = {"email": email, "password": PASSWORD}
        status, tokens = self.send(CHAPTERS[0], "auth_jwt_create", body)
        assert status == 200
        self.page.locator(".scheme-container .authorize").click()
        dialog = self.page.locator(".modal-ux")
        expect(dialog).to_be_visible()
        log_out = dialog.get_by_role("button", name="Remove authorization")
        if log_out.count():
            log_out.click()
        dialog.locator("input").fill(tokens["access"])
        dialog.get_by_role("button", name="Apply credentials").click()
        dialog.locator(".btn-done").click()


@pytest.fixture
def swagger(page) -> Swagger:
    return Swagger(page)


def test_swagger_has_the_chapters_of_the_specification(swagger):
    headings = swagger.page.locator(".opblock-tag")
    expect(headings).to_have_count(len(CHAPTERS))
    assert [each.get_attribute("data-tag") for each in headings.all()] == CHAPTERS
    first = swagger.page.locator(".opblock-tag-section .opblock").first
    assert first.get_attribute("id").endswith("auth_register")


def test_from_registration_to_a_confirmed_booking(swagger, picture):
    event = EventFactory(title="Jazz by the river")
    ticket = EventsTicketFactory(event=event, price="12.50", quota=10)
    UserFactory(email="support@example.com", support=True)
    person = {"email": "ann@example.org", "password": PASSWORD}
    order = {"event_ticket": ticket.pk, "quantity": 2}

    assert swagger.send(CHAPTERS[0], "auth_register", person)[0] == 201
    swagger.log_in("ann@example.org")
    status, offered = swagger.send("Events", "events_available_tickets", id=event.pk)
    assert (status, [each["id"] for each in offered]) == (200, [ticket.pk])
    status, booking = swagger.send("Bookings", "bookings_create", order)
    assert (status, booking["status"], booking["total_price"]) == (201, "PENDING", "25.00")
    answer = swagger.operation("Bookings", "bookings_create").locator(".live-responses-table")
    answer.evaluate("element => element.scrollIntoView({block: 'end'})")
    picture(swagger.page, "swagger-booking")

    swagger.log_in("support@example.com")
    status, booking = swagger.send("Bookings", "bookings_confirm", id=booking["id"])
    assert (status, booking["status"]) == (200, "CONFIRMED")


def test_swagger_remembers_who_is_logged_in(swagger):
    UserFactory(email="ann@example.org", first_name="Ann")
    swagger.log_in("ann@example.org")
    swagger.open()
    status, account = swagger.send(CHAPTERS[0], "auth_me_retrieve")
    assert (status, account["first_name"]) == (200, "Ann")


def test_redoc_shows_every_chapter_and_finds_words(page, picture):
    response = page.goto(REDOC)
    assert "default-src 'self'" in response.headers["content-security-policy"]
    for chapter in CHAPTERS:
        expect(page.locator(f"[id='tag/{chapter.replace(' ', '-')}'] h2").first).to_be_visible()
    page.get_by_role("textbox").first.fill("refund")
    expect(page.locator("[data-role='search:results']")).to_contain_text("Refund")
    page.locator("[data-role='search:results'] li").first.click()
    expect(page.get_by_text("/api/v1/bookings/{id}/refund/").first).to_be_visible()
    page.get_by_role("textbox").first.fill("")
    picture(page, "redoc")
