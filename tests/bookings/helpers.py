from typing import Any

from django.urls import reverse
from rest_framework.response import Response
from rest_framework.test import APIClient

from apps.bookings.models import Booking
from apps.tickets.models import EventsTicket


def place(
    client: APIClient, ticket: EventsTicket, quantity: Any = 2, key: str | None = None
) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"event_ticket": ticket.pk, "quantity": quantity}
    return client.post(reverse("booking-list"), body, headers=headers)


def cancel(client: APIClient, booking: Booking) -> Any:
    return client.patch(reverse("booking-cancel", args=[booking.pk]))


def confirm(client: APIClient, booking: Booking) -> Any:
    return client.post(reverse("booking-confirm", args=[booking.pk]))


def refund(client: APIClient, booking: Booking) -> Any:
    return client.post(reverse("booking-refund", args=[booking.pk]))


def refused(response: Response, code: str, status: int = 400) -> bool:
    return (response.status_code, response.json().get("code")) == (status, code)


def sold(ticket: EventsTicket) -> int:
    return EventsTicket.objects.values_list("sold", flat=True).get(pk=ticket.pk)
