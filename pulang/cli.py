"""The command line `pulang`. Commands live in modules of their own, imported when they are called."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from pulang import operating
from pulang.agencies_group import agencies_app
from pulang.collector import collect_seldom
from pulang.complaint import Complaint
from pulang.dead_letters_group import dead_letters_app
from pulang.options import DataOption, HostOption, InsecureOption, JsonOption, PortOption, TokenOption, UrlOption
from shared.settings import SettingInvalid

app = typer.Typer(
    name="pulang",
    help="Pulang: the shared case lifecycle for migrant workers who are sent home.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(dead_letters_app, name="dead-letters")
app.add_typer(agencies_app, name="agencies")

SEASON = Path("examples/season-2020")


@app.command()
def up(
    data: DataOption = None, host: HostOption = "127.0.0.1", port: PortOption = 8000, insecure: InsecureOption = False
) -> None:
    """Run every service in one process, under one address."""
    from pulang.server import CannotStart
    from pulang.signals import end_when_asked
    from pulang.up import serve
    from shared.settings import from_environment

    end_when_asked()
    try:
        serve(from_environment(data), host, port, insecure)
    except CannotStart as refused:
        raise Complaint(str(refused)) from None


@app.command()
def replay(
    folder: Annotated[Path, typer.Argument(help="Folder of a season.")],
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Play a season through the API of a running Pulang; run again, it goes on where it was."""
    from pulang.client import reach
    from pulang.replay.command import replay_folder

    replay_folder(folder, reach(url, token, data))


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder of a season.")] = SEASON,
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop afterwards; status 0 only if every figure agrees.")
    ] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    insecure: InsecureOption = False,
) -> None:
    """Start Pulang, play a season, compare what comes out with what must, and keep serving."""
    from pulang.demo import run_demo
    from pulang.demo.server import Listen

    raise typer.Exit(run_demo(folder, Listen(data, host, port, insecure), url, token, leave=leave, as_json=as_json))


@app.command()
def watch(
    agency: Annotated[str, typer.Argument(help="The agency whose events to follow, such as iom.")],
    after: Annotated[str | None, typer.Option("--after", metavar="CURSOR", help="Go on after this cursor.")] = None,
    until_idle: Annotated[
        float | None,
        typer.Option("--until-idle", min=0.0, metavar="SECONDS", help="End when nothing came for so long."),
    ] = None,
    as_json: JsonOption = False,
    kafka: Annotated[
        bool, typer.Option("--kafka", help="Read the agency's topic itself, at KAFKA_BOOTSTRAP, by the agency's login.")
    ] = False,
    kafka_config: Annotated[
        Path | None,
        typer.Option(
            "--kafka-config",
            metavar="FILE",
            help="That login, as the stock Kafka tools read it. Default: .cluster/AGENCY.properties.",
        ),
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Follow everything that an agency may see: from the start or after a cursor, then live."""
    if kafka or kafka_config is not None:
        from pulang.watch_kafka import watch_topic

        watch_topic(agency, kafka_config, after, until_idle, as_json=as_json)
    else:
        from pulang.client import reach
        from pulang.watch import watch_agency

        watch_agency(reach(url, token, data), agency, after, until_idle, as_json=as_json)


@app.command(name="token")
def make_token(
    agency: Annotated[str, typer.Option("--agency", help="Such as kemensos, bp2mi, iom.")],
    role: Annotated[str, typer.Option("--role", help="One of the roles; a wrong one is told with the list.")],
    facility: Annotated[list[str] | None, typer.Option("--facility", help="A facility; may be given again.")] = None,
    data: DataOption = None,
) -> None:
    """Print a development token for a Pulang on this machine."""
    from pulang.token import print_token

    print_token(data, agency, role, facility or [])


@app.command()
def asyncapi() -> None:
    """Print the AsyncAPI 3 document, made from the event models."""
    from pulang.documents import print_asyncapi

    print_asyncapi()


@app.command()
def schemas(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write them.")]) -> None:
    """Write the JSON Schema of every event type."""
    from pulang.documents import write_all_schemas

    write_all_schemas(folder)


@app.command()
def status(
    as_json: JsonOption = False,
    verify: Annotated[bool, typer.Option("--verify", help="Walk the hash chains of the event logs, too.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Outbox backlog, consumer lag and parked events, per service. Status 1 where --verify finds a break."""
    from pulang.client import reach
    from pulang.status import show_status

    raise typer.Exit(show_status(reach(url, token, data), as_json=as_json, verify=verify))


operating.add_to(app)


def main() -> NoReturn:
    """Run a command; every error is one line on standard error, and a status other than 0."""
    collect_seldom()
    try:
        code = app(standalone_mode=False)
    except typer.Exit as leaving:
        code = leaving.exit_code
    except typer.TyperException as refused:
        code = _complain(f"{refused.format_message()} (`pulang --help` tells more)", refused.exit_code)
    except (Complaint, SettingInvalid) as complaint:
        code = _complain(str(complaint), 1)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is left to be said, nor to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except Exception as broken:
        if os.environ.get("PULANG_DEBUG"):
            raise
        kind = type(broken).__name__
        code = _complain(f"{kind}: this should not happen; PULANG_DEBUG=1 shows where it comes from", 1)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(line: str, code: int) -> int:
    print("pulang: " + " ".join(line.split()), file=sys.stderr)
    return code
