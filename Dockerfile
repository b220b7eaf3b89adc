# syntax=docker/dockerfile:1

FROM python:3.11-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock .
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes -r requirements.lock
COPY apps apps
COPY settings settings
# Production settings do not load without these; collecting files uses none of them.
RUN SECRET_KEY=build JWT_SIGNING_KEY=for-nothing-but-to-build-the-image \
    ALLOWED_HOSTS=build DATABASE_URL=sqlite://:memory: \
    /venv/bin/python settings/manage.py collectstatic --noinput --settings=settings.production

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=settings.production
RUN useradd --system --uid 10001 --no-create-home btick
COPY --from=build /venv /venv
COPY --from=build /app/apps /app/apps
COPY --from=build /app/settings /app/settings
COPY --from=build /app/staticfiles /app/staticfiles
WORKDIR /app
USER btick
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["gunicorn", "--config=settings/gunicorn.py"]
