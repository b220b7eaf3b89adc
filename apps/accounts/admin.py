from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from apps.common.admin import ModelAdmin
from apps.common.admin_links import links_to_lists

from .models import User

# Their pages show refresh tokens, with which one could act as somebody else.
admin.site.unregister([BlacklistedToken, OutstandingToken])


@admin.register(User)
class UserAdmin(ModelAdmin, DjangoUserAdmin):
    form = UserChangeForm
    list_display = ("email", "first_name", "last_name", "role", "is_active", "date_joined")
    list_filter = ("is_staff", "is_support", "is_superuser", "is_active")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    readonly_fields = ("see_also", "date_joined", "last_login", "updated_at")
    fieldsets = (
        (None, {"fields": ("email", "password", "first_name", "last_name", "see_also")}),
        ("Rights", {"fields": ("is_active", "is_support", "is_staff", "is_superuser")}),
        ("In Django admin", {"fields": ("groups", "user_permissions"), "classes": ("collapse",)}),
        ("Dates", {"fields": ("date_joined", "last_login", "updated_at")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("email", "usable_password", "password1", "password2", "is_support"),
            },
        ),
    )

    @admin.display
    def see_also(self, user: User) -> str:
        return links_to_lists(
            user,
            ("Bookings", "bookings_booking", "user"),
            ("Memberships", "organizations_membership", "user"),
            ("Managed venues", "venues_venue", "user"),
        )

    @admin.display(description="role")
    def role(self, user: User) -> str:
        if user.is_admin:
            return "admin"
        return "support" if user.is_support else "customer"
