"""The README's first ten minutes, as they are written there: on a copy of the checkout, with a database of a small company."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
import sqlalchemy as sa

from clv_pipeline.cli import cli
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline_tests.conftest import RULES_RUN

README = (PROJECT / "README.md").read_text()
#: What stands in the README for the reader's own database.
_ADDRESS = "postgresql://reader@db.example/shop"
_SHOP = (
    "create table customers as select n as id, 'c' || n || '@mail.example' as email, "
    "timestamp '2024-01-01' + n * interval '1 day' as created_at, 'DE' as country from generate_series(1, 60) as n",
    "alter table customers add primary key (id)",
    "create table orders as select n as id, 1 + n * 7 % 60 as customer_id, "
    "now() - interval '1 hour' - (n * 37 % 580) * interval '1 day' as ordered_at, 'EUR' as currency "
    "from generate_series(1, 700) as n",
    "alter table orders add primary key (id)",
    "alter table orders add foreign key (customer_id) references customers (id)",
    "create table order_items as select n as id, n as order_id, 'P' || n % 9 as product_id, 1 + n % 3 as quantity, "
    "(9.95 + n % 9)::numeric(10, 2) as unit_price from generate_series(1, 700) as n",
    "alter table order_items add primary key (id)",
    "alter table order_items add foreign key (order_id) references orders (id)",
)


def _commands(heading: str) -> list[str]:
    """Return the lines of the indented blocks below a heading, without the comments beside them."""
    section = README.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    return [line.split("  #")[0].strip() for line in section.splitlines() if line.startswith("    ")]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of its own, because `clv init acme` writes into it; its `clv` runs with this Python."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("clv_pipeline", "sql", "docs"):
        shutil.copytree(PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "acme"))
    for name in ("pyproject.toml", "workspace.yaml"):
        shutil.copy(PROJECT / name, root / name)
    program = root / "bin" / "clv"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from clv_pipeline.cli import main; main()" "$@"\n')
    program.chmod(0o755)
    return root


@pytest.fixture(scope="module")
def shop(postgres_url: str) -> str:
    """The address of a database of its own: what is in it is what `clv init` looks at."""
    server = sa.create_engine(postgres_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text("create database readme"))
    url = sa.make_url(postgres_url).set(database="readme")
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        for statement in _SHOP:
            connection.execute(sa.text(statement))
    # an empty password, as the server's address has one, is no address of a reader who logs in without
    return url.render_as_string(hide_password=False).replace("postgres:@", "postgres@")


def test_a_company_is_connected_by_the_lines_of_the_readme(checkout: Path, shop: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLV_")} | {
        **RULES_RUN, "PYTHONPATH": str(checkout), "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}",
    }  # fmt: skip
    lines = _commands("Your own company")
    assert [line.split()[1] for line in lines] == ["init", "doctor", "run", "status"]
    said = {}
    for line in lines:
        typed = line.replace(_ADDRESS, f"'{shop}'")
        ran = subprocess.run(
            ["bash", "-c", typed],
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        said[line.split()[1]] = ran.stdout
        # no scheduler runs here, of which `clv status` warns
        assert ran.returncode == (1 if line.startswith("clv status") else 0), ran.stdout + ran.stderr
        if "export CLV_HASH_KEY=" in ran.stdout:
            environment["CLV_HASH_KEY"] = "a key that is kept"
    assert (checkout / ".clv" / "sources" / "acme" / "published" / "clv.duckdb").exists()
    assert not (checkout / ".clv" / "sources" / "demo").exists()
    assert "700 orders by 60 customers" in said["init"]
    assert "19,990.00 EUR" in said["init"]
    assert "orders: at the source 700 (19,990.00)" in said["run"]
    assert "clv dashboard --source acme" in said["run"]


def test_every_command_in_the_readme_exists_with_its_options() -> None:
    blocks = [line.strip() for line in README.splitlines() if line.startswith("    ")]
    typed = [line.split("#")[0].strip() for line in blocks if line.startswith("clv ")]
    typed += [found.strip() for found in re.findall(r"`(clv [a-z][a-z-]*[^`]*)`", README)]
    assert len(typed) > 20
    unknown = []
    for line in typed:
        name, *arguments = re.sub(r"\s+", " ", line).split(" ")[1:]
        command = cli.commands.get(name)
        known = {option for parameter in command.params for option in parameter.opts} if command else set()
        options = {word.split("=")[0] for word in arguments if word.startswith("--")} - {"--help", "--version"}
        if not isinstance(command, click.Command) or not options <= known:
            unknown.append(line)
    assert unknown == []
