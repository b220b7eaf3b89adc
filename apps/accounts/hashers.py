from django.contrib.auth.hashers import Argon2PasswordHasher as DjangoArgon2PasswordHasher


class Argon2PasswordHasher(DjangoArgon2PasswordHasher):
    """Argon2id with 19 MiB, two passes, one lane: some 26 log-ins a second on a core."""

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
