from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from apps.common.querysets import LockingQuerySet


class LowerCaseEmailField(models.EmailField):
    """An e-mail address, stored and looked up in lower case."""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return prepared.lower() if isinstance(prepared, str) else prepared

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self.get_prep_value(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A saved account that logs in with `email`. Raises ValueError without an address."""
        if not email:
            raise ValueError("An account needs an e-mail address.")
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A saved account that may do everything, Django admin included."""
        fields |= {"is_staff": True, "is_superuser": True}
        return self.create_user(email, password, **fields)

    def for_update(self) -> LockingQuerySet:
        """Lock these rows until the transaction ends, in the order of their ids."""
        return LockingQuerySet(self.model, using=self._db).for_update()


class User(AbstractBaseUser, PermissionsMixin):
    """An account: its e-mail address is the login, in any letter case."""

    email = LowerCaseEmailField(
        "e-mail address",
        unique=True,
        error_messages={"unique": "An account with this e-mail address exists already."},
    )
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(
        "active", default=True, help_text="Inactive accounts cannot log in; their tokens are dead."
    )
    is_staff = models.BooleanField(
        "admin", default=False, help_text="Passes every permission and may use Django admin."
    )
    is_support = models.BooleanField(
        "support",
        default=False,
        help_text="Sees, confirms, cancels and refunds every booking; cannot book.",
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        ordering = ("email",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_lower_case"
            ),
        )

    def __str__(self) -> str:
        return self.email

    @property
    def is_admin(self) -> bool:
        return self.is_staff or self.is_superuser

    @property
    def is_customer(self) -> bool:
        """Whether this account may book: support may not, unless it is an admin also."""
        return self.is_admin or not self.is_support

    @property
    def sees_everything(self) -> bool:
        """Whether drafts and bookings of all organizations are visible to this account."""
        return self.is_admin or self.is_support

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()
