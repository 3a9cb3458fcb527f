"""On one night a bed has one person, and a person one bed: whoever writes, and however late."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    statements = _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE
    for statement in statements:
        op.execute(statement)


def _trigger(moment: str, column: str, refusal: str) -> str:
    """Dates are ISO texts, which order as dates do; the far end stands for an end that is not there."""
    return f"""
    CREATE TRIGGER segments_{column}_{moment.lower()} BEFORE {moment} ON segments
    WHEN EXISTS (
        SELECT 1 FROM segments AS other
        WHERE other.{column} = NEW.{column}
          AND other.segment_id <> NEW.segment_id
          AND other.from_date < coalesce(NEW.until_date, '9999-12-31')
          AND coalesce(other.until_date, '9999-12-31') > NEW.from_date
    )
    BEGIN SELECT RAISE(ABORT, '{refusal}'); END
    """


_SQLITE = tuple(
    _trigger(moment, column, refusal)
    for moment in ("INSERT", "UPDATE")
    for column, refusal in (
        ("bed_id", "the bed is taken on one of these nights"),
        ("case_id", "the person has another bed on one of these nights"),
    )
)
_POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    """
    ALTER TABLE segments ADD CONSTRAINT segments_bed_id
    EXCLUDE USING gist (bed_id WITH =, daterange(from_date, until_date) WITH &&)
    """,
    """
    ALTER TABLE segments ADD CONSTRAINT segments_case_id
    EXCLUDE USING gist (case_id WITH =, daterange(from_date, until_date) WITH &&)
    """,
)
