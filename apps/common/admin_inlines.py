"""Rows edited on the page of the row that they belong to, by the same services as on their own."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest

from .admin import ServiceModelAdmin, message_of
from .errors import DomainError, FieldError


class ServiceFormSet(BaseInlineFormSet):
    """Adds, changes and deletes rows as `rows_admin` does, on behalf of `actor`.

    Raises FieldError for the row that a service refuses.
    """

    inline: "ServiceInline"
    rows_admin: ServiceModelAdmin
    actor: Any
    is_refused: bool

    def clean(self) -> None:
        super().clean()
        if self.has_changed() and not self.is_refused:
            # Before the page's own row is written, which may need a later lock.
            new = [form for form in self.extra_forms if form.has_changed() and form.is_valid()]
            self.inline.lock(self.instance, [form.instance for form in new])

    def save_new(self, form: Any, commit: bool = True) -> Any:
        others = {"id", DELETION_FIELD_NAME}
        fields = {name: form.cleaned_data[name] for name in form.cleaned_data.keys() - others}
        fields[self.fk.name] = self.instance
        create = self.rows_admin.create
        return self._refusing(form, lambda: create(self.actor, **fields))

    def save_existing(self, form: Any, obj: Any, commit: bool = True) -> Any:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        self._refusing(form, lambda: self.rows_admin.update(obj, **changes))
        return obj

    def delete_existing(self, obj: Any, commit: bool = True) -> None:
        form = next(each for each in self.initial_forms if each.instance == obj)
        self._refusing(form, lambda: self.rows_admin.delete(obj))

    def _refusing(self, form: Any, write: Callable[[], Any]) -> Any:
        try:
            return write()
        except DomainError as error:
            raise FieldError(form.prefix, f"{form.instance}: {message_of(error)}") from error


class ServiceInline(admin.TabularInline):
    """A table of rows on the page of the one that they belong to."""

    formset: Any = ServiceFormSet
    extra = 0
    show_change_link = True

    def lock(self, parent: Any, new: list[Any]) -> None:
        """Take the locks of all changes on the page in their order, before the first of them."""

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.inline = self
        formset.rows_admin = self.admin_site.get_model_admin(self.model)
        formset.actor = request.user
        formset.is_refused = hasattr(request, "refusal")
        # What is in the way of a deletion the service knows, under its locks and without reading
        # every row that refers to this one.
        formset.form.hand_clean_DELETE = lambda form: None
        return formset
