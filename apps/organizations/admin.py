from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from apps.accounts.models import User
from apps.common.admin import ServiceModelAdmin
from apps.common.admin_filters import row_filter
from apps.common.admin_inlines import ServiceInline
from apps.common.admin_links import link_to, link_to_list, links_to_lists

from .models import Membership, Organization
from .services import (
    add_member,
    create_organization,
    lock_for_changes,
    remove_member,
    update_member,
)


class NewMemberInline(ServiceInline):
    model = Membership
    verbose_name = "new member"
    fields = ("user", "role")
    autocomplete_fields = ("user",)
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).none()

    def lock(self, parent: Any, new: list[Any]) -> None:
        joining = [membership.user for membership in new]
        lock_for_changes(organization_id=parent.pk, joining=joining)


class MemberInline(ServiceInline):
    model = Membership
    verbose_name = "member"
    fields = ("user", "role")
    readonly_fields = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("user", "organization")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Organization)
class OrganizationAdmin(ServiceModelAdmin):
    list_display = ("name", "contact_email", "website", "members", "created_at")
    # Said here, because what is grouped has no order of its own.
    ordering = ("name", "id")
    search_fields = ("name", "contact_email")
    list_filter = ("created_at",)
    readonly_fields = ("see_also", "created_at", "updated_at")
    # Accounts are locked before the organization, so those who join come first.
    inlines = (NewMemberInline, MemberInline)
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(members=Count("memberships"))

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_inlines(request, obj) if obj else []

    def create(self, actor: User, **fields: Any) -> Organization:
        return create_organization(owner=actor, **fields)

    @admin.display(ordering="members")
    def members(self, organization: Any) -> str:
        filters = {"organization": organization.pk}
        return link_to_list(str(organization.members), "organizations_membership", **filters)

    @admin.display
    def see_also(self, organization: Organization) -> str:
        return links_to_lists(
            organization,
            ("Events", "events_event", "organization"),
            ("Members", "organizations_membership", "organization"),
        )


@admin.register(Membership)
class MembershipAdmin(ServiceModelAdmin):
    list_display = ("user", "role", "organization_link", "created_at")
    list_filter = (
        "role",
        row_filter(Organization, "organization"),
        row_filter(User, "user"),
    )
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "organization__name")
    autocomplete_fields = ("user", "organization")
    readonly_fields = ("created_at", "updated_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, *(("user", "organization") if obj else ()))

    @admin.display(description="organization", ordering="organization__name")
    def organization_link(self, membership: Membership) -> str:
        return link_to(membership.organization)

    def create(self, actor: User, **fields: Any) -> Membership:
        return add_member(**fields, actor=None)

    def update(self, obj: Membership, **changes: Any) -> None:
        update_member(
            organization_id=obj.organization_id, user_id=obj.user_id, actor=None, **changes
        )

    def delete(self, obj: Membership) -> None:
        remove_member(organization_id=obj.organization_id, user_id=obj.user_id, actor=None)
