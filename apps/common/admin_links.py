"""Links from one page of Django admin to another."""

from typing import Any

from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.text import Truncator

MAX_LINK_LENGTH = 28


def link_to(row: Model | None, text: str | None = None) -> str:
    """A link to the row's page, by its own name unless told another, shortened where it is long.

    A dash for None.
    """
    if row is None:
        return "-"
    full = str(row) if text is None else text
    url = reverse(admin_urlname(row._meta, "change"), args=[row.pk])  # type: ignore[arg-type]
    short = Truncator(full).chars(MAX_LINK_LENGTH)
    return format_html('<a href="{}" title="{}">{}</a>', url, full, short)


def list_url(model: str, **filters: Any) -> str:
    """The list of a `model` ("app_model"), with these filters in the query string."""
    url = reverse(f"admin:{model}_changelist")
    return f"{url}?{urlencode(filters)}" if filters else url


def link_to_list(text: str, model: str, **filters: Any) -> str:
    """A link to that list."""
    return format_html('<a href="{}">{}</a>', list_url(model, **filters), text)


def links_to_lists(row: Model, *lists: tuple[str, str, str]) -> str:
    """Links to what belongs to a row: each a text, a model ("app_model") and its filter's name.

    A dash for a row that is not stored yet.
    """
    if row.pk is None:
        return "-"
    links = (link_to_list(text, model, **{name: row.pk}) for text, model, name in lists)
    return format_html_join(" · ", "{}", ((link,) for link in links))
