from apps.common.errors import DomainError


class QuotaBelowSold(DomainError):
    code = "quota_below_sold"
    message = "The quota cannot be less than the tickets that are taken."
    example = {"sold": 120}


class HasSales(DomainError):
    code = "has_sales"
    message = "A ticket type with tickets taken cannot be deleted."
    example = {"sold": 120}


class LastTicketType(DomainError):
    code = "last_ticket_type"
    message = "A published event keeps at least one ticket type."
