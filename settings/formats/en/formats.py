"""How Django admin writes moments: short, and as they are sorted."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y-m-d H:i"
