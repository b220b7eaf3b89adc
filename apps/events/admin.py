from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest

from apps.accounts.models import User
from apps.common.admin import ModelAdmin, ServiceModelAdmin, transition

from .models import Event, EventCategory
from .services import cancel_event, create_event, delete_event, publish_event, update_event


@admin.register(EventCategory)
class EventCategoryAdmin(ModelAdmin):
    list_display = ("name", "events", "created_at")
    list_filter = ("created_at",)
    search_fields = ("name",)
    readonly_fields = ("created_at", "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(number=Count("events"))

    @admin.display(ordering="number")
    def events(self, category: Any) -> int:
        return category.number


@admin.register(Event)
class EventAdmin(ServiceModelAdmin):
    list_display = (
        "title",
        "status",
        "starts_at",
        "organization",
        "venue",
        "category",
        "capacity",
        "sold",
    )
    list_filter = ("status", "starts_at", "category")
    list_select_related = ("organization", "venue", "category")
    search_fields = ("title", "organization__name", "venue__name")
    autocomplete_fields = ("organization", "venue", "category")
    readonly_fields = ("status", "published_at", "created_at", "updated_at")
    actions = ("publish", "cancel")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        events = super().get_queryset(request)
        return events.annotate(sold=Sum("tickets__sold"), quota=Sum("tickets__quota"))

    @admin.display(ordering="sold")
    def sold(self, event: Any) -> str:
        return "no tickets" if event.quota is None else f"{event.sold} of {event.quota}"

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
