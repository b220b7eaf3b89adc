from django.contrib import admin

from apps.accounts.models import User
from apps.common.admin import ModelAdmin
from apps.common.admin_filters import row_filter
from apps.common.admin_links import links_to_lists

from .models import Venue


@admin.register(Venue)
class VenueAdmin(ModelAdmin):
    list_display = ("name", "address", "capacity", "created_at")
    list_filter = ("created_at", row_filter(User, "managers"))
    search_fields = ("name", "address")
    autocomplete_fields = ("managers",)
    readonly_fields = ("see_also", "created_at", "updated_at")

    @admin.display
    def see_also(self, venue: Venue) -> str:
        return links_to_lists(venue, ("Events", "events_event", "venue"))
