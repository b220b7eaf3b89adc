from django.db import migrations

# As `EventQuerySet.matching()` asks, letter by letter, or the index would not serve.
CREATE = """
    CREATE INDEX event_search ON events_event USING gin (
        to_tsvector('simple'::regconfig, COALESCE(title, '') || ' ' || COALESCE(description, ''))
    )
"""
DROP = "DROP INDEX event_search"


def on_postgresql(statement):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("events", "0003_flat_lists")]

    operations = [migrations.RunPython(on_postgresql(CREATE), on_postgresql(DROP))]
