from apps.common.errors import DomainError


class EventNotDraft(DomainError):
    code = "event_not_draft"
    message = "Only a draft can be published."


class EventCancelled(DomainError):
    code = "event_cancelled"
    message = "The event is cancelled."


class EventStarted(DomainError):
    code = "event_started"
    message = "The event has started already."


class EventEnded(DomainError):
    code = "event_ended"
    message = "The event is over."


class NoTicketTypes(DomainError):
    code = "no_ticket_types"
    message = "The event needs at least one ticket type to be published."


class CapacityBelowSold(DomainError):
    code = "capacity_below_sold"
    message = "The capacity cannot be less than the tickets that are taken."
    example = {"sold": 120}


class EventHasBookings(DomainError):
    code = "event_has_bookings"
    message = "An event that has bookings cannot move to another organization."
