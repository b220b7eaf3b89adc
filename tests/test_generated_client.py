"""A client that is generated from the committed schema books, with types and no line by hand."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.factories import EventsTicketFactory, UserFactory

SCHEMA = Path(__file__).resolve().parent.parent / "docs" / "openapi.yaml"
PACKAGE = "btick_client"


@pytest.fixture(scope="module")
def client_package(tmp_path_factory):
    """Imports modules of the client by their names within it."""
    folder = tmp_path_factory.mktemp("client")
    # Its formatting, which needs another program, is nobody's to read here.
    config = folder / "config.json"
    config.write_text(json.dumps({"post_hooks": []}))
    generate = (sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning")
    done = subprocess.run(
        (
            *generate,
            f"--path={SCHEMA}",
            f"--output-path={folder / PACKAGE}",
            f"--config={config}",
            "--meta=none",
        ),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    sys.path.insert(0, str(folder))
    yield lambda name: import_module(f"{PACKAGE}.{name}")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_a_generated_client_registers_books_and_sees_the_booking_confirmed(
    client_package, live_server
):
    ticket = EventsTicketFactory(price="12.50", quota=5)
    UserFactory(support=True, email="support@example.com")

    models, client = client_package("models"), client_package("client")

    def call(operation, caller, *args, **kwargs):
        request = client_package(f"api.{operation}").sync_detailed
        with caller as connected:
            return request(*args, client=connected, **kwargs)

    def anybody():
        return client.Client(base_url=live_server.url)

    def account(email):
        request = models.LoginRequest(email=email, password="password123")
        login = call("authentication_and_users.auth_jwt_create", anybody(), body=request)
        token = login.parsed.access
        return lambda: client.AuthenticatedClient(base_url=live_server.url, token=token)

    registration = models.RegisterRequest(email="ann@example.org", password="password123")
    registered = call("authentication_and_users.auth_register", anybody(), body=registration)
    assert (registered.status_code, registered.parsed.email) == (201, "ann@example.org")
    customer, support = account("ann@example.org"), account("support@example.com")

    (event,) = call("events.events_list", anybody()).parsed.results
    (offered,) = call("events.events_available_tickets", anybody(), event.id).parsed
    assert (event.id, offered.id, offered.available) == (ticket.event_id, ticket.pk, 5)

    def place(quantity, **kwargs):
        order = models.BookingCreateRequest(event_ticket=offered.id, quantity=quantity)
        return call("bookings.bookings_create", customer(), body=order, **kwargs)

    placed, again = (place(2, idempotency_key="mine") for _ in range(2))
    assert (placed.status_code, placed.parsed.total_price) == (201, "25.00")
    assert (again.parsed.id, placed.parsed.status) == (placed.parsed.id, "PENDING")

    sold_out = place(4)
    assert isinstance(sold_out.parsed, models.Refusal)
    assert (sold_out.status_code, sold_out.parsed.code) == (400, "sold_out")
    assert sold_out.parsed["remaining"] == 3
    too_few = place(1)
    assert isinstance(too_few.parsed, models.FieldErrors)
    assert (too_few.status_code, list(too_few.parsed.to_dict())) == (400, ["quantity"])

    confirmed = call("bookings.bookings_confirm", support(), placed.parsed.id)
    assert (confirmed.status_code, confirmed.parsed.status) == (200, "CONFIRMED")
    own = call("bookings.bookings_list", customer()).parsed
    assert [(each.id, each.status) for each in own.results] == [(placed.parsed.id, "CONFIRMED")]
