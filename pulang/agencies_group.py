"""The commands `pulang agencies ...`."""

from pathlib import Path
from typing import Annotated

import typer

from pulang.options import DataOption, JsonOption, TokenOption, UrlOption

AgencyArgument = Annotated[str, typer.Argument(metavar="AGENCY", help="Small letters and digits, such as iom.")]

agencies_app = typer.Typer(no_args_is_help=True, help="The agencies of the exchange: who joins, who leaves.")


@agencies_app.command("list")
def list_agencies(
    as_json: JsonOption = False, url: UrlOption = None, token: TokenOption = None, data: DataOption = None
) -> None:
    """Every agency that ever joined, and how far its topic is."""
    from pulang.agencies import list_agencies
    from pulang.client import reach

    list_agencies(reach(url, token, data), as_json=as_json)


@agencies_app.command("add")
def add_agency(
    agency: AgencyArgument,
    name: Annotated[str, typer.Option("--name", help="As people know it; public.")],
    kind: Annotated[str, typer.Option("--kind", help="Such as ministry, government_agency, social_office, donor.")],
    withhold: Annotated[
        list[str] | None,
        typer.Option("--withhold", metavar="TYPE", help="A type of events it gets stubs of; may be given again."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where its logins are left, for its own eyes.")
    ] = Path(),
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Let an agency join: topic, permissions, logins, and the history that consent allows. May be run again."""
    from pulang.agencies import add_agency
    from pulang.agencies.command import NewAgency
    from pulang.client import reach

    add_agency(reach(url, token, data), NewAgency(agency, name, kind, tuple(withhold or ())), out)


@agencies_app.command("remove")
def remove_agency(
    agency: AgencyArgument, url: UrlOption = None, token: TokenOption = None, data: DataOption = None
) -> None:
    """Let an agency leave, with its logins, permissions and topic. May be run again."""
    from pulang.agencies import remove_agency
    from pulang.client import reach

    remove_agency(reach(url, token, data), agency)
