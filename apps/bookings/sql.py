"""The one place with SQL by hand: what a sale writes, on the hottest path of all."""

from django.db import DEFAULT_DB_ALIAS, connection
from django.utils import timezone

from apps.tickets.models import EventsTicket
from apps.tickets.services import take

from .models import Booking

SELL = """
    WITH ticket AS (
        UPDATE tickets_eventsticket
        SET sold = %(sold)s, updated_at = %(now)s
        WHERE id = %(event_ticket_id)s
    )
    INSERT INTO bookings_booking (
        user_id, event_ticket_id, quantity, status, unit_price, expires_at, cancellation_reason,
        idempotency_key, created_at, updated_at
    )
    VALUES (
        %(user_id)s, %(event_ticket_id)s, %(quantity)s, %(status)s, %(unit_price)s, %(expires_at)s,
        '', %(idempotency_key)s, %(now)s, %(now)s
    )
    RETURNING id
"""


def sell(ticket: EventsTicket, booking: Booking) -> None:
    """Take what a new booking holds, of a locked type whose stock the caller has checked, and
    store the booking.

    On PostgreSQL that is one statement, which the ORM cannot write. Raises IntegrityError for a
    row that a constraint forbids.
    """
    if connection.vendor != "postgresql":
        take(ticket, booking.quantity)
        booking.save(force_insert=True)
        return
    now, sold = timezone.now(), ticket.sold + booking.quantity
    with connection.cursor() as cursor:
        cursor.execute(SELL, {**vars(booking), "sold": sold, "now": now})
        (booking.pk,) = cursor.fetchone()
    booking.created_at = booking.updated_at = ticket.updated_at = now
    ticket.sold = sold
    # As the ORM marks what it has stored: a save from here on is an update.
    booking._state.adding, booking._state.db = False, DEFAULT_DB_ALIAS
