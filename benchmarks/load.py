"""Load over HTTP from a process of its own: prints one JSON object with what it saw.

A client of its own over asyncio's streams: a general one costs more per request than the routes that are measured.
"""

import asyncio
import json
import sys
import time
import uuid
from typing import Any
from urllib.parse import urlsplit


async def post_all(url: str, token: str, bodies: list[Any], connections: int) -> dict[str, float]:
    """POST every body; requests per second and latencies in ms. A status but 201 ends it."""
    where = urlsplit(url)
    head = (
        f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )
    requests = iter([f"{head}{len(body)}\r\n\r\n{body}".encode() for body in (json.dumps(body) for body in bodies)])
    took: list[float] = []

    async def work() -> None:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        for request in requests:
            began = time.perf_counter()
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            content = await reader.readexactly(length)
            if not answer.startswith(b"HTTP/1.1 201"):
                sys.exit(f"{answer[:40]!r} {content[:300]!r}")
            took.append((time.perf_counter() - began) * 1000)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    seconds = time.perf_counter() - began
    took.sort()
    return {
        "per_second": round(len(bodies) / seconds, 1),
        "p50_ms": round(took[len(took) // 2], 2),
        "p99_ms": round(took[min(len(took) - 1, int(len(took) * 0.99))], 2),
    }


def people(count: int, tag: str) -> list[dict[str, Any]]:
    """Made-up people, all different."""
    return [
        {
            "name": f"Contoh {tag} {number}",
            "sex": "FM"[number % 2],
            "birth_date": f"19{60 + number % 40}-0{1 + number % 9}-1{number % 10}",
            "document": {"type": "SPLP", "number": f"{tag}{number:06}"[-9:]},
            "origin_regency": "35.07",
            "destination_country": "MY",
        }
        for number in range(count)
    ]


ARRIVAL = {"arrival_point": "TNJ", "arrival_date": "2020-11-03"}


def manifest(everyone: list[dict[str, Any]]) -> dict[str, Any]:
    """All of them in one request."""
    rows = [person | {"row_key": str(number)} for number, person in enumerate(everyone)]
    return {"id": str(uuid.uuid4()), "rows": rows} | ARRIVAL


if __name__ == "__main__":
    target, bearer, run_tag, count, width, rows = sys.argv[1:7]
    everyone = people(int(count), run_tag)
    bodies = [manifest(everyone)] if rows == "manifest" else [person | ARRIVAL for person in everyone]
    print(json.dumps(asyncio.run(post_all(target, bearer, bodies, int(width)))))
