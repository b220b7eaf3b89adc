from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from apps.accounts.models import User
from apps.common.admin import ModelAdmin, ServiceModelAdmin, transition
from apps.common.admin_filters import row_filter
from apps.common.admin_links import link_to, link_to_list, links_to_lists
from apps.organizations.models import Organization
from apps.venues.models import Venue

from .models import Event, EventCategory
from .services import cancel_event, create_event, delete_event, publish_event, update_event


@admin.register(EventCategory)
class EventCategoryAdmin(ModelAdmin):
    list_display = ("name", "events", "created_at")
    list_filter = ("created_at",)
    # Said here, because what is grouped has no order of its own.
    ordering = ("name", "id")
    search_fields = ("name",)
    readonly_fields = ("created_at", "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(number=Count("events"))

    @admin.display(ordering="number")
    def events(self, category: Any) -> str:
        filters = {"category__id__exact": category.pk}
        return link_to_list(str(category.number), "events_event", **filters)


@admin.register(Event)
class EventAdmin(ServiceModelAdmin):
    list_display = (
        "title",
        "status",
        "starts_at",
        "organizer",
        "place",
        "category",
        "capacity",
        "sold",
    )
    list_filter = (
        "status",
        "category",
        row_filter(Organization, "organization"),
        row_filter(Venue, "venue"),
    )
    date_hierarchy = "starts_at"
    list_select_related = ("organization", "venue", "category")
    search_fields = ("title", "organization__name", "venue__name")
    autocomplete_fields = ("organization", "venue", "category")
    readonly_fields = ("status", "published_at", "see_also", "created_at", "updated_at")
    actions = ("publish", "cancel")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        events: Any = super().get_queryset(request)
        return events.with_stock()

    @admin.display(ordering="organization__name")
    def organizer(self, event: Event) -> str:
        return link_to(event.organization)

    @admin.display(ordering="venue__name")
    def place(self, event: Event) -> str:
        return link_to(event.venue)

    @admin.display(ordering="sold")
    def sold(self, event: Any) -> str:
        if event.quota is None:
            return "no tickets"
        text = f"{event.sold} of {event.quota}"
        return link_to_list(text, "bookings_booking", event=event.pk)

    @admin.display
    def see_also(self, event: Event) -> str:
        return links_to_lists(
            event,
            ("Bookings", "bookings_booking", "event"),
            ("Ticket types", "tickets_eventsticket", "event"),
        )

    def create(self, actor: User, **fields: Any) -> Event:
        return create_event(**fields)

    def update(self, obj: Event, **changes: Any) -> None:
        update_event(event_id=obj.pk, **changes)

    def delete(self, obj: Event) -> None:
        delete_event(event_id=obj.pk)

    @transition("Publish", "Published")
    def publish(self, event: Event, actor: User) -> None:
        publish_event(event_id=event.pk)

    @transition("Cancel", "Cancelled", confirm=True)
    def cancel(self, event: Event, actor: User) -> None:
        cancel_event(event_id=event.pk, actor=actor)
