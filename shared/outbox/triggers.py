"""What the database does by itself: a row of the event log waits for the relay from its commit on, whoever wrote it.

The migrations run these statements as they stand: a change of them is a migration of its own.
"""

SQLITE = (
    """
    CREATE TRIGGER events_wait AFTER INSERT ON events
    BEGIN INSERT INTO unpublished (position) VALUES (NEW.position); END
    """,
)
POSTGRESQL = (
    """
    CREATE OR REPLACE FUNCTION events_wait() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO unpublished SELECT position FROM added; RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER events_wait AFTER INSERT ON events REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION events_wait()
    """,
)
BY_DIALECT = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
