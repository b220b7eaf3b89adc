"""What the documentation shows: a booking of the ticket type by the account of theirs."""

from apps.accounts.examples import ACCOUNT
from apps.events.examples import EVENT
from apps.tickets.examples import TICKET

INPUT = {"event_ticket": TICKET["id"], "quantity": 2}
BOOKING = {
    "id": 31,
    "user": ACCOUNT["id"],
    "event": EVENT["id"],
    "event_title": EVENT["title"],
    **INPUT,
    "ticket_type": TICKET["ticket_type"],
    "unit_price": TICKET["price"],
    "total_price": "50.00",
    "currency": TICKET["currency"],
    "status": "PENDING",
    "expires_at": "2030-06-20T19:00:00Z",
    "confirmed_at": None,
    "cancelled_at": None,
    "cancellation_reason": "",
    "created_at": "2030-03-01T18:30:00Z",
    "updated_at": "2030-03-01T18:30:00Z",
    "history": [],
}
CONFIRMATION = {
    "from_status": "PENDING",
    "to_status": "CONFIRMED",
    "reason": "",
    "actor": 44,
    "actor_email": "sam@example.org",
    "at": "2030-03-02T08:00:00Z",
}
EVENT_BOOKING = {
    **BOOKING,
    "user_email": ACCOUNT["email"],
    "status": "CONFIRMED",
    "expires_at": None,
    "confirmed_at": CONFIRMATION["at"],
    "updated_at": CONFIRMATION["at"],
    "history": [CONFIRMATION],
}
