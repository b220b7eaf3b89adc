from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from apps.common.admin import ModelAdmin

from .models import Membership, Organization


@admin.register(Organization)
class OrganizationAdmin(ModelAdmin):
    list_display = ("name", "contact_email", "website", "members", "created_at")
    search_fields = ("name", "contact_email")
    list_filter = ("created_at",)
    readonly_fields = ("created_at", "updated_at")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(members=Count("memberships"))

    @admin.display(ordering="members")
    def members(self, organization: Any) -> int:
        return organization.members


@admin.register(Membership)
class MembershipAdmin(ModelAdmin):
    list_display = ("user", "role", "organization", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "organization__name")
    autocomplete_fields = ("user", "organization")
    readonly_fields = ("created_at", "updated_at")
