"""The `clv` command: each command parses options, calls one function of a package and prints the result; nothing else.

A module has a group of commands; here they are put in the order of work, and errors become one message.
"""

import logging
import sys
from io import TextIOWrapper

import click
from rich.logging import RichHandler

from clv_pipeline.cli import customers, evaluations, homes, night, pages, versions
from clv_pipeline.cli.interrupts import noticed
from clv_pipeline.cli.shared import err, out, plain
from clv_pipeline.core.foreign_errors import mask_command

#: In the order of work, as `clv --help` lists them.
COMMANDS: tuple[click.Command, ...] = (
    night.init, night.doctor, night.run, night.status, night.explain_run, night.try_alert, pages.ui, pages.dashboard,
    customers.explain, customers.lineage, versions.models, versions.promote, versions.rollback, homes.backup, homes.restore,
    evaluations.evaluate, evaluations.backtest, customers.forget, customers.export_subject,
)  # fmt: skip


class _Commands(click.Group):
    """Lists the commands in the order in which they were added, each with the first paragraph of its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_paragraph(self.commands[name])) for name in self.list_commands(ctx)])


def _first_paragraph(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="clv-pipeline", prog_name="clv", message="%(prog)s %(version)s")
def cli() -> None:
    """Predict every night, from your own database, what each customer will be worth.

    `clv COMMAND --help` describes a command in full. Every setting is an environment variable CLV_<NAME>.
    """
    handler = RichHandler(console=err, show_time=False, show_path=False)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format="%(message)s")
    # py.warnings: hide deprecation warnings from users; the test run shows them
    for noisy in ("great_expectations", "alembic", "matplotlib", "py.warnings"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command; an error is one message and exit code 1, never a traceback, and one that is not ours is masked."""
    out.place = ""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, TextIOWrapper
        ):  # a terminal or file of another encoding shows a status 'bezahlt für' as it can
            stream.reconfigure(errors="backslashreplace")
    error: BaseException | None = None
    with noticed(next((argument for argument in sys.argv[1:] if argument in cli.commands), "")) as interrupts:
        try:
            cli(standalone_mode=False, obj=interrupts)
        except BaseException as raised:
            error = raised
    if interrupts.number or isinstance(error, (click.Abort, KeyboardInterrupt)):
        interrupts.tell()
        sys.exit(interrupts.exit_code)
    if isinstance(error, click.ClickException):
        error.show()
        sys.exit(error.exit_code)
    if isinstance(error, Exception):
        out.print(f"[bold red]error[/] {plain(str(mask_command(error, list(cli.commands))))}")
        sys.exit(1)
    if error:
        raise error
