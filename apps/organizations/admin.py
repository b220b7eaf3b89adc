from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from apps.accounts.models import User
from apps.common.admin import ServiceModelAdmin

from .models import Membership, Organization
from .services import add_member, create_organization, remove_member, update_member


@admin.register(Organization)
class OrganizationAdmin(ServiceModelAdmin):
    list_display = ("name", "contact_email", "website", "members", "created_at")
    search_fields = ("name", "contact_email")
    list_filter = ("created_at",)
    readonly_fields = ("created_at", "updated_at")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(members=Count("memberships"))

    def create(self, actor: User, **fields: Any) -> Organization:
        return create_organization(owner=actor, **fields)

    @admin.display(ordering="members")
    def members(self, organization: Any) -> int:
        return organization.members


@admin.register(Membership)
class MembershipAdmin(ServiceModelAdmin):
    list_display = ("user", "role", "organization", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "organization__name")
    autocomplete_fields = ("user", "organization")
    readonly_fields = ("created_at", "updated_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, *(("user", "organization") if obj else ()))

    def create(self, actor: User, **fields: Any) -> Membership:
        return add_member(**fields, actor=None)

    def update(self, obj: Membership, **changes: Any) -> None:
        update_member(
            organization_id=obj.organization_id, user_id=obj.user_id, actor=None, **changes
        )

    def delete(self, obj: Membership) -> None:
        remove_member(organization_id=obj.organization_id, user_id=obj.user_id, actor=None)
