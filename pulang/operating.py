"""Commands for those who run Pulang on a cluster: `pulang serve`, `pulang migrate`, and what keeps them going."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pulang.audit_group import audit_app
from pulang.erasures_group import erasures_app
from pulang.options import DataOption, HostOption, JsonOption, PortOption, TokenOption, UrlOption
from pulang.rehearse_group import rehearse_app
from pulang.restored_group import restored_app

ServiceArgument = Annotated[str, typer.Argument(help="intake, shelter, aid, psychosocial or exchange.")]


def serve(service: ServiceArgument, host: HostOption = "127.0.0.1", port: PortOption = 8000) -> None:
    """Run one replica of one service over PostgreSQL and Kafka; settings come from the environment."""
    from pulang.serve import serve_replica

    serve_replica(service, host, port)


def migrate(service: ServiceArgument) -> None:
    """Bring a service's databases on PostgreSQL to this version; may be run again, and beside others."""
    from pulang.serve import migrate_service

    migrate_service(service)


def republish(
    data: DataOption = None,
    agencies_only: Annotated[
        bool, typer.Option("--agencies-only", help="Only the agencies' topics that were made anew.")
    ] = False,
    wait: Annotated[
        float,
        typer.Option("--wait", min=0.0, metavar="SECONDS", help="Hold the relays so long until the topics are empty."),
    ] = 0.0,
) -> None:
    """Write the services' own event logs to the bus again, into empty topics; the agencies' topics follow."""
    from pulang.republish import republish_bus

    republish_bus(data, agencies_only=agencies_only, wait_seconds=wait)


def rebuild(
    service: ServiceArgument, url: UrlOption = None, token: TokenOption = None, data: DataOption = None
) -> None:
    """Build every projection of a service again from the bus, beside the live one, then put it in its place."""
    from pulang.client import reach
    from pulang.rebuild import rebuild_service

    rebuild_service(reach(url, token, data), service)


def restore_check(
    service: ServiceArgument,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="UTC, well before the backup began: what the bus has from then on is read. Default: everything.",
        ),
    ] = None,
    erasures: Annotated[
        Path | None,
        typer.Option(
            "--erasures",
            metavar="FILE",
            help="What `pulang erasures list --json` said last: where the bus was restored as well, it tells of none.",
        ),
    ] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """After a restore, before a service starts: put back from the bus the event rows that its database lacks, and erase
    who was erased since."""
    from pulang.restore_check import restore_check as check

    check(service, data, since and since.replace(tzinfo=UTC), erasures, as_json=as_json)


def rewrap(service: ServiceArgument) -> None:
    """Put a service's keys under PULANG_KEK_NEW instead of PULANG_KEK; its replicas must be stopped."""
    from pulang.rewrap import rewrap_keys

    rewrap_keys(service)


def provision(
    secrets: Annotated[Path, typer.Option("--secrets", metavar="DIR", help="Folder with the users' passwords.")],
    file: Annotated[Path, typer.Option("--file", metavar="FILE", help="What there is to be.")] = Path(
        "deploy/kafka/provision.yaml"
    ),
    wait: Annotated[
        float, typer.Option("--wait", min=0.0, metavar="SECONDS", help="How long to wait for Kafka to answer.")
    ] = 0.0,
) -> None:
    """Make Kafka's topics, users and permissions what a file declares; may be run again."""
    from pulang.provision import provision as apply

    apply(file, secrets, wait)


def make_secrets(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; what is there is never changed.")],
    names: Annotated[
        list[str] | None,
        typer.Option("--san", metavar="NAME", help="Another host name or address of the broker; may be given again."),
    ] = None,
) -> None:
    """Make every secret of the distributed profile that is missing, and say which, never what."""
    from pulang.secrets_folder import make_secrets as make

    make(folder, names or [])


def add_to(app: typer.Typer) -> None:
    """Put the operators' commands beside the others."""
    for command in (serve, migrate, republish, rebuild, provision, rewrap):
        app.command()(command)
    app.command(name="restore-check")(restore_check)
    app.add_typer(restored_app, name="restored")
    app.add_typer(audit_app, name="audit")
    app.add_typer(erasures_app, name="erasures")
    app.add_typer(rehearse_app, name="rehearse")
    app.command(name="secrets")(make_secrets)
