"""The commands `pulang rehearse ...`."""

from typing import Annotated

import typer

from pulang.agencies_group import AgencyArgument
from pulang.erasures_group import CaseArgument
from pulang.options import DataOption, TokenOption, UrlOption

rehearse_app = typer.Typer(
    no_args_is_help=True,
    help="Invented people, for agencies that try their side out. Never where there are real ones: it wants "
    "PULANG_REHEARSAL=yes, as `make cluster` sets it.",
)


@rehearse_app.callback()
def rehearse() -> None:
    from pulang.rehearsal import only_where_it_is_allowed

    only_where_it_is_allowed()


@rehearse_app.command("arrive")
def arrive(
    agency: AgencyArgument,
    people: Annotated[int, typer.Option("--people", min=1, max=1000, help="How many.")] = 3,
    level: Annotated[str, typer.Option("--level", help="pseudonymous or identified.")] = "pseudonymous",
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """People arrive, agree that the agency follows their case, and are screened. Prints a case id each."""
    from pulang.client import reach
    from pulang.rehearsal import arrive

    arrive(reach(url, token, data), agency, people, level)


@rehearse_app.command("withdraw")
def withdraw(
    agency: AgencyArgument,
    case: CaseArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Somebody withdraws: the agency is asked to delete the case."""
    from pulang.client import reach
    from pulang.rehearsal import withdraw

    withdraw(reach(url, token, data), agency, case)


@rehearse_app.command("erase")
def erase(case: CaseArgument, url: UrlOption = None, token: TokenOption = None, data: DataOption = None) -> None:
    """Somebody is erased: every agency that had anything of the case is asked to delete it."""
    from pulang.client import reach
    from pulang.rehearsal import erase

    erase(reach(url, token, data), case)
