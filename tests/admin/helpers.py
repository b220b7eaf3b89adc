"""Pages of Django admin, and what a browser does with them."""

from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from tests.factories import UserFactory


def page(model: type, name: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def act(client: Client, action: str, *rows: Any, **data: Any) -> Any:
    url = page(type(rows[0]))
    client.get(url)  # shows, and so uses up, the messages of an earlier action
    body = {"action": action, "_selected_action": [row.pk for row in rows], **data}
    return client.post(url, body)


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def form_of(response: Any) -> dict[str, Any]:
    """What a browser would send back of the form on this page, unless somebody edits it."""
    form = response.context["adminform"].form
    values: dict[str, Any] = {}
    for bound in form:
        widget_data = bound.value()
        if hasattr(widget_data, "isoformat"):
            values[f"{bound.name}_0"] = f"{widget_data:%Y-%m-%d}"
            values[f"{bound.name}_1"] = f"{widget_data:%H:%M:%S}"
        elif widget_data is not None and widget_data is not False:
            values[bound.name] = widget_data
    for inline in response.context["inline_admin_formsets"]:
        for form in (inline.formset.management_form, *inline.formset.initial_forms):
            values |= {bound.html_name: bound.value() for bound in form if bound.value()}
            values |= {bound.html_name: bound.value() for bound in form if bound.value() == 0}
    return values


def edit(client: Client, row: Any, **changes: Any) -> Any:
    url = page(type(row), "change", row.pk)
    return client.post(url, form_of(client.get(url)) | changes)


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return response.context["adminform"].form.errors


def staff(*permissions: str) -> User:
    """An account that may open Django admin and do no more than these permissions say."""
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user
