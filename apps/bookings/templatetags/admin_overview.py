from typing import Any

from django import template
from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.utils import timezone

from apps.bookings import overview
from apps.bookings.models import Booking
from apps.common.admin_links import link_to, list_url
from apps.events.models import Event

register = template.Library()

register.filter("link_to", link_to)
register.simple_tag(list_url, name="list_url")


@register.inclusion_tag("admin/overview.html", takes_context=True)
def admin_overview(context: Any) -> dict[str, Any]:
    """What of the overview the account may see."""
    request, now = context["request"], timezone.now()

    def may_view(model: type[Model]) -> bool:
        return admin.site.get_model_admin(model).has_view_permission(request)

    events, bookings = may_view(Event), may_view(Booking)
    return {
        "currency": settings.CURRENCY,
        "upcoming": overview.upcoming_events(now) if events else None,
        "awaiting": overview.awaiting_confirmation(now) if bookings else None,
        "run_out": overview.run_out_holds(now) if bookings else None,
        "owed": overview.money_owed() if events and bookings else None,
    }
