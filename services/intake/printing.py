"""The access record on paper: one page of HTML that needs nothing else, no script and no link."""

from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from services.intake.schemas.access_record import AccessEntry, AccessRecord
from services.intake.wording import moment_in_words, text

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""For the header `Content-Security-Policy`: the page's own style, and nothing besides."""
_STYLE = """
body { font: 11pt/1.45 serif; margin: 2cm; color: #000; background: #fff; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #000; padding: 4pt; text-align: left; vertical-align: top; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
@media print { body { margin: 0; } }
"""
_COLUMNS = ("at", "act", "agency", "roles", "purpose", "outcome")


def printed(record: AccessRecord) -> str:
    """The whole page, in the record's language; every text in it is escaped."""
    language, zone = record.language, ZoneInfo(record.time_zone)

    def at(iso: str) -> str:
        return moment_in_words(datetime.fromisoformat(iso).astimezone(zone), language)

    def row(entry: AccessEntry) -> str:
        cells = (
            at(entry.at) if entry.until is None else f"{at(entry.at)} – {at(entry.until)} ({entry.times}×)",
            entry.act_title,
            entry.agency.name,
            ", ".join(entry.roles) or "–",
            entry.purpose_title or "–",
            entry.outcome_title,
        )
        return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"

    title = escape(text("title", language))
    notes = [text("intro", language)]
    if record.limited_to is not None:
        notes.append(text("limited", language, agency=record.limited_to.name))
    if record.earlier:
        notes.append(text("earlier", language, count=record.earlier))
    heads = "".join(f'<th scope="col">{escape(text(name, language))}</th>' for name in _COLUMNS)
    rows = "\n".join(row(entry) for entry in record.entries)
    table = f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{language}">',
            f'<head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>',
            "<body>",
            f"<h1>{title}</h1>",
            f"<p>{escape(text('case', language))}: {escape(record.case_id)}<br>"
            f"{escape(text('printed', language))}: {escape(at(record.printed_at))}</p>",
            *(f"<p>{escape(note)}</p>" for note in notes),
            table if record.entries else f"<p>{escape(text('none', language))}</p>",
            f"<p>{escape(text('rights', language))}</p>",
            "</body>",
            "</html>",
            "",
        ]
    )
