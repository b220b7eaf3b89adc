from django.contrib import admin

from apps.common.admin import ModelAdmin

from .models import Venue


@admin.register(Venue)
class VenueAdmin(ModelAdmin):
    list_display = ("name", "address", "capacity", "created_at")
    list_filter = ("created_at",)
    search_fields = ("name", "address")
    autocomplete_fields = ("managers",)
    readonly_fields = ("created_at", "updated_at")
