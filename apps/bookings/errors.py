from apps.common.errors import DomainError


class EventNotPublished(DomainError):
    code = "event_not_published"
    message = "The event is not open for booking."


class CannotBook(DomainError):
    code = "cannot_book"
    message = "Support and inactive accounts cannot book."


class SoldOut(DomainError):
    """With `remaining`: how many tickets of the type could be booked instead."""

    code = "sold_out"
    message = "There are not enough tickets left."
    example = {"remaining": 1}


class IdempotencyKeyReused(DomainError):
    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used for a booking of other tickets."


class BookingNotPending(DomainError):
    code = "booking_not_pending"
    message = "Only a PENDING booking can be confirmed."
    example = {"status": "CANCELLED"}


class BookingExpired(DomainError):
    code = "booking_expired"
    message = "The booking has run out and cannot be confirmed any more."


class BookingCancelled(DomainError):
    code = "booking_cancelled"
    message = "The booking is cancelled already."
    example = {"status": "CANCELLED"}


class BookingNotConfirmed(DomainError):
    code = "booking_not_confirmed"
    message = "Only a CONFIRMED booking can be refunded."
    example = {"status": "PENDING"}
