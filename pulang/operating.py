"""Commands for those who run Pulang on a cluster: `pulang serve`, `pulang migrate`, and what keeps them going."""

from typing import Annotated

import typer

from pulang.options import HostOption, PortOption

ServiceArgument = Annotated[str, typer.Argument(help="intake, shelter, aid, psychosocial or exchange.")]


def serve(service: ServiceArgument, host: HostOption = "127.0.0.1", port: PortOption = 8000) -> None:
    """Run one replica of one service over PostgreSQL and Kafka; settings come from the environment."""
    from pulang.serve import serve_replica

    serve_replica(service, host, port)


def migrate(service: ServiceArgument) -> None:
    """Bring a service's databases on PostgreSQL to this version; may be run again, and beside others."""
    from pulang.serve import migrate_service

    migrate_service(service)


def add_to(app: typer.Typer) -> None:
    """Put the operators' commands beside the others."""
    for command in (serve, migrate):
        app.command()(command)
