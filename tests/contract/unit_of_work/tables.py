"""What the stories of these suites write."""

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary, MetaData, String, func, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from shared.consuming.projection import generations_in
from shared.database import UtcTime

TABLES = MetaData()


class Base(DeclarativeBase):
    metadata = TABLES


class Note(Base):
    """A name that may stand once."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    filling: Mapped[bytes | None] = mapped_column(LargeBinary)


class Counter(Base):
    """Counts what was read, changed and written back."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    count: Mapped[int]


class Reply(Base):
    """Refers to a note, checked at the commit: the one thing a schema of ours must not have, to make a commit fail."""

    __tablename__ = "replies"

    id: Mapped[int] = mapped_column(primary_key=True)
    note: Mapped[str] = mapped_column(ForeignKey("notes.name", deferrable=True, initially="DEFERRED"))


class Visit(Base):
    """A column of each kind that goes into a database in another form than Python's."""

    __tablename__ = "visits"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[datetime | None] = mapped_column(UtcTime)
    on: Mapped[date | None]
    codes: Mapped[list[str]] = mapped_column(JSON)
    open: Mapped[bool] = mapped_column(default=True)
    proof: Mapped[bytes | None] = mapped_column(LargeBinary)


class Effect(Base):
    """What a reaction did: nothing keeps it from standing twice but the inbox."""

    __tablename__ = "effects"

    id: Mapped[int] = mapped_column(primary_key=True)
    consumer: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]


class Tally(Base):
    """What a projection keeps of a stream, in each of its generations: doubled or lost, it shows."""

    __tablename__ = "tallies"

    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    heard: Mapped[int]


GENERATIONS = generations_in(TABLES)


def note(session: Session, name: str, filling: bytes | None = None) -> str:
    """Write a note, set-based."""
    session.execute(insert(Note).values(name=name, filling=filling))
    return name


def names(session: Session) -> list[str]:
    """The notes in the order of writing."""
    return list(session.scalars(select(Note.name).order_by(Note.id)))


def how_many(session: Session) -> int:
    return session.execute(select(func.count()).select_from(Note)).scalar_one()
