"""What Django admin needs so that its forms are no back door: rules and locks are the services'."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import model_ngettext
from django.core.exceptions import ObjectDoesNotExist
from django.core.paginator import Page, Paginator
from django.db import OperationalError
from django.db.models import Model, QuerySet
from django.forms.models import _get_foreign_key
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from .errors import Busy, DomainError, FieldError
from .querysets import slice_rows
from .services import delete_unreferenced

SHOWN_BEFORE_ASKING = 20

# A form has room for so many; where there are more, their own list is the place to edit them.
MAX_INLINE_ROWS = 100

GONE = "This does not exist any more."


class RefusableForm(forms.ModelForm):
    """Shows what a service has refused, beside everything that was typed."""

    refusal: DomainError | None = None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if isinstance(self.refusal, FieldError) and self.refusal.field in self.fields:
            self.add_error(self.refusal.field, self.refusal.field_message)
        elif self.refusal is not None:
            self.add_error(None, message_of(self.refusal))
        return cleaned


class ListPaginator(Paginator):
    """Pages that cost the same anywhere in a list, but for passing by what is before them."""

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = slice_rows(self.object_list, start, start + self.per_page)  # type: ignore[type-var]
        return Page(rows, number, self)


class ModelAdmin(admin.ModelAdmin):
    """Writes the columns that the form changed and no others, so nothing stale overwrites a row.

    What a rule refuses is shown in the form, with the input kept. Rows that others refer to are
    not deleted, and none are deleted many at a time.
    """

    form: Any = RefusableForm

    # A list says how many rows it found; how many there are besides is worth no second count.
    show_full_result_count = False
    paginator = ListPaginator
    change_list_template = "admin/change_list_periods.html"

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        inlines = super().get_inlines(request, obj)
        return [inline for inline in inlines if obj is None or _fits(inline, obj)]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=[*columns.intersection(form.changed_data), "updated_at"])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_unreferenced(self.model._default_manager.all(), pk=obj.pk)

    def changeform_view(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        # A refused transaction is rolled back: the form again, now with the reason in it.
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as error:
            request.refusal = error
        except OperationalError:
            request.refusal = Busy()
        except ObjectDoesNotExist:
            return self._back_to_list(request, GONE)
        return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().delete_view(request, *args, **kwargs)
        except DomainError as error:
            return self._back_to_list(request, message_of(error))
        except OperationalError:
            return self._back_to_list(request, Busy.message)
        except ObjectDoesNotExist:
            return self._back_to_list(request, GONE)

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def _back_to_list(self, request: HttpRequest, problem: str) -> HttpResponse:
        self.message_user(request, problem, messages.ERROR)
        url = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return HttpResponseRedirect(reverse(url))


class ServiceModelAdmin(ModelAdmin):
    """Adds, changes and deletes through services: an admin is subject to the same rules.

    Subclasses say through which. Each may raise DomainError, which is shown.
    """

    @abstractmethod
    def create(self, actor: Any, **fields: Any) -> Model:
        """The new row, from the form's values."""

    def update(self, obj: Any, **changes: Any) -> None:
        """Write `changes`, by field name."""
        obj.save(update_fields=[*changes, "updated_at"])

    def delete(self, obj: Any) -> None:
        """Delete the row, to which nothing refers."""
        delete_unreferenced(self.model._default_manager.all(), pk=obj.pk)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.pk = self.create(request.user, **form.cleaned_data).pk
            obj.refresh_from_db()
        elif form.changed_data:
            self.update(obj, **{name: form.cleaned_data[name] for name in form.changed_data})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete(obj)


def transition(
    verb: str, done: str, *, confirm: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes `method(row, actor)`, which moves one row through its service, an action on many.

    Every refusal is a message of its own; the others go on. With `confirm`, the action asks first.
    """

    def decorate(move: Callable[[Any, Any, Any], Any]) -> Callable[..., Any]:
        @admin.action(
            description=f"{verb} selected %(verbose_name_plural)s", permissions=["change"]
        )
        def action(
            self: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet
        ) -> HttpResponse | None:
            if confirm and "confirmed" not in request.POST:
                return _ask(self, request, queryset, verb, move.__name__)
            moved = _move_each(self, request, queryset.order_by("pk"), move)
            if moved:
                self.message_user(request, f"{done}: {moved}.", messages.SUCCESS)
            return None

        action.__name__ = move.__name__
        return action

    return decorate


def _move_each(
    model_admin: admin.ModelAdmin, request: HttpRequest, rows: Iterable[Any], move: Callable
) -> int:
    moved = 0
    for row in rows:
        try:
            move(model_admin, row, request.user)
        except DomainError as error:
            model_admin.message_user(request, f"{row}: {message_of(error)}", messages.ERROR)
        except OperationalError:
            model_admin.message_user(request, f"{row}: {Busy.message}", messages.ERROR)
        except ObjectDoesNotExist:
            model_admin.message_user(request, f"{row}: {GONE}", messages.ERROR)
        else:
            model_admin.log_change(request, row, [{"changed": {"fields": ["status"]}}])
            moved += 1
    return moved


def _ask(
    model_admin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet, verb: str, action: str
) -> TemplateResponse:
    count, first_rows = rows.count(), list(rows[:SHOWN_BEFORE_ASKING])
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{verb} {model_ngettext(model_admin.opts, count)}?",
        "opts": model_admin.opts,
        "verb": verb,
        "action": action,
        "count": count,
        "first_rows": first_rows,
        "more": count - len(first_rows),
        "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", "0"),
    }
    return TemplateResponse(request, "admin/confirm_transition.html", context)


def _fits(inline: Any, parent: Model) -> bool:
    key = _get_foreign_key(type(parent), inline.model, inline.fk_name)
    rows = inline.model._default_manager.filter(**{key.name: parent})
    return rows[: MAX_INLINE_ROWS + 1].count() <= MAX_INLINE_ROWS


def message_of(error: DomainError) -> str:
    return error.field_message if isinstance(error, FieldError) else error.message
