"""A receiver of webhooks that does nothing but thank, over TLS: `python -m benchmarks.receiver CERTIFICATE PORT`."""

import ssl
import sys

from aiohttp import web


async def thank(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=204)


def run(certificate: str, port: int) -> None:
    """Until it is ended."""
    app = web.Application()
    app.router.add_get("/ready", thank)
    app.router.add_post("/{endpoint}", thank)
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(certificate)
    web.run_app(app, host="127.0.0.1", port=port, ssl_context=secure, access_log=None, print=None)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
