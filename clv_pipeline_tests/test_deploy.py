"""The recipes of docs/deploy: units that systemd can read, their commands as real processes, the monitors' scripts, the image."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline_tests.browser import free_port
from clv_pipeline_tests.conftest import CLV, RULES_RUN, FileSource, run_clv_here
from clv_pipeline_tests.sinks import running_sink

DEPLOY = PROJECT / "docs" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("clv-*"))
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
ORDERS = "order_id,customer_id,ordered_at,amount\n" + "".join(
    f"{n},C{n % 9},2024-0{1 + n % 5}-1{n % 7} 12:00:00,10.50\n" for n in range(60)
)


def settings_in(unit: Path) -> dict[str, list[str]]:
    """Return key -> values of a unit, of all its sections."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def machine(tmp_path: Path, file_source: Callable[..., FileSource]) -> Path:
    """Return a folder in place of /srv/clv and /etc/clv, with one source called acme, and its file of secrets."""
    made = file_source(orders=ORDERS, toml='name = "Acme"\ntime_zone = "Europe/Berlin"\nas_of = "2024-06-01"\n')
    (tmp_path / "srv" / "acme").mkdir(parents=True)
    shutil.move(made.folder, tmp_path / "srv" / "acme" / "source")
    example = (DEPLOY / "systemd" / "acme.env").read_text()
    written = re.sub(r"^CLV_SOURCE_URL=.*", f"CLV_SOURCE_URL={made.files}", example, flags=re.MULTILINE)
    # nobody outside this machine is told
    (tmp_path / "acme.env").write_text(re.sub(r"^CLV_ALERT_URL=.*", "", written, flags=re.MULTILINE))
    return tmp_path


def environment_of(file: Path, **more: str) -> dict[str, str]:
    """Return the environment that systemd makes of a file: NAME=value, no shell."""
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CLV_")}
    return clean | dict(line.split("=", 1) for line in lines) | more


def command_of(unit: str, machine: Path) -> list[str]:
    """Return the ExecStart line of a unit for acme on this machine."""
    (line,) = settings_in(DEPLOY / "systemd" / f"{unit}@.service")["ExecStart"]
    line = line.replace("%i", "acme").replace("/srv/clv", str(machine / "srv")).replace("/opt/clv/bin/clv", str(CLV))
    return shlex.split(line.replace("3000", str(free_port())))


@needs_systemd
def test_systemd_finds_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    named = []
    for unit in UNITS:
        copy = tmp_path / unit.name.replace("@.", "@acme.")
        copy.write_text(unit.read_text().replace("/opt/clv/bin/clv", str(CLV)))
        named.append(str(copy))
    for template in SERVICES:
        shutil.copy(tmp_path / template.name.replace("@.", "@acme."), tmp_path / template.name)

    def verified() -> str:
        ran = subprocess.run(["systemd-analyze", "verify", *named], capture_output=True, text=True, check=False)
        return ran.stdout + ran.stderr

    assert verified() == ""
    broken = Path(named[0])
    broken.write_text(broken.read_text().replace("Type=oneshot", "Type=twice"))
    assert "Type=twice" in verified() or "twice" in verified(), "it would say so"


@needs_systemd
@pytest.mark.parametrize("unit", ["clv-night", "clv-ui", "clv-status"])
def test_a_unit_is_exposed_as_little_as_systemd_calls_ok(tmp_path: Path, unit: str) -> None:
    file = tmp_path / f"{unit}@acme.service"
    file.write_text((DEPLOY / "systemd" / f"{unit}@.service").read_text().replace("/opt/clv/bin/clv", str(CLV)))
    arguments = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(file)]
    ran = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-300:]


def test_units_run_as_a_user_of_their_own_with_secrets_from_a_file_and_tell_of_their_failure() -> None:
    for unit in SERVICES:
        says = settings_in(unit)
        if unit.name == "clv-failed@.service":
            continue
        assert says["User"] == ["clv"], unit
        assert says["EnvironmentFile"] == ["/etc/clv/%i.env"], unit
        assert says["OnFailure"] == ["clv-failed@%n.service"], unit
        assert "CLV_" not in "".join(says["Environment"] + says["ExecStart"]), "a unit is readable by everybody"
    assert not re.search(r"://[^/\s]*:[^@\s]*@", "".join(unit.read_text() for unit in UNITS))


def test_a_night_of_the_unit_that_is_stopped_ends_with_143_is_told_and_leaves_status_red(machine: Path) -> None:
    command = command_of("clv-night", machine)
    with running_sink() as sink:
        environment = environment_of(machine / "acme.env", **RULES_RUN, CLV_ALERT_URL=sink.url)
        night = subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=machine
        )
        assert night.stderr is not None
        assert "done" in next(line for line in night.stderr if "done" in line)
        night.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert night.wait(30) == 128 + signal.SIGTERM
        assert time.monotonic() - begun < float(
            settings_in(DEPLOY / "systemd" / "clv-night@.service")["TimeoutStopSec"][0]
        )
        night.stderr.close()
        # the interrupted run is told by itself or by who looks next
        status = subprocess.run(
            command_of("clv-status", machine), env=environment, capture_output=True, text=True, check=False, cwd=machine
        )
    assert status.returncode == 3, status.stdout
    assert sink.events == ["red"]
    assert "secret-canary" not in status.stdout + status.stderr


def test_the_ui_of_the_unit_ends_with_0_when_it_is_stopped(machine: Path) -> None:
    (machine / "srv" / "acme" / "home").mkdir()
    ui = subprocess.Popen(
        command_of("clv-ui", machine), env=environment_of(machine / "acme.env", CLV_ALERT_URL=""),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=machine,
    )  # fmt: skip
    assert ui.stdout is not None
    assert "with the nightly schedule running" in ui.stdout.readline()
    ui.send_signal(signal.SIGTERM)
    assert ui.wait(45) == 0
    ui.stdout.close()


def test_the_cron_lines_run_the_same_commands_with_secrets_that_a_shell_can_read(machine: Path) -> None:
    lines = [line for line in (DEPLOY / "cron" / "clv-acme").read_text().splitlines() if re.match(r"\d", line)]
    night, status = (line.split(" clv ", 1)[1] for line in lines)
    assert "clv run --source" in night and "2>&1" in night
    assert "%" not in night + status, "cron ends a command there"
    ran = (
        status.replace("/srv/clv", str(machine / "srv"))
        .replace("/etc/clv/acme.cron.env", str(machine / "acme.env"))
        .replace("/opt/clv/bin/clv", str(CLV))
    )
    seen = subprocess.run(
        ["/bin/sh", "-c", ran], capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]}
    )
    assert seen.stderr == ""
    assert "fail served: nothing is published" in seen.stdout, "cron mails what is printed"


def stub(folder: Path, code: int) -> str:
    """Return a `clv` whose status has this exit code."""
    (folder / "clv").write_text(f"#!/bin/sh\ntest $1 = status && exit {code}\n")
    (folder / "clv").chmod(0o755)
    return str(folder / "clv")


@pytest.fixture
def never_run(machine: Path) -> tuple[str, str]:
    return str(machine / "srv" / "acme" / "source"), str(machine / "srv" / "acme" / "home")


def test_the_plugin_for_nagios_says_one_line_and_its_own_code(never_run: tuple[str, str]) -> None:
    script = DEPLOY / "monitors" / "check_clv"
    ran = subprocess.run(
        [str(script), *never_run], env=os.environ | {"CLV": str(CLV)}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert len(ran.stdout.splitlines()) == 1
    assert ran.stdout.startswith("CLV CRITICAL (exit code 5): fail served: nothing is published")
    absent = subprocess.run([str(script), *never_run], env={"CLV": "/no/clv", "PATH": os.environ["PATH"]}, check=False)
    assert absent.returncode == 2, "no answer is no good answer"


def test_the_textfile_for_prometheus_has_the_exit_code(tmp_path: Path) -> None:
    file = tmp_path / "clv.prom"
    clv = stub(tmp_path, 5)
    script = DEPLOY / "monitors" / "clv_textfile"
    subprocess.run([str(script), "/srv/source", "/srv/home", str(file)], env=os.environ | {"CLV": clv}, check=True)
    samples = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert samples[0] == 'clv_status_code{source="source"} 5'
    assert samples[1].startswith('clv_status_time_seconds{source="source"} 1')
    assert [f.name for f in tmp_path.glob("clv.prom*")] == ["clv.prom"]


# --- the container -------------------------------------------------------------------------------------------------------


def instructions() -> dict[str, list[str]]:
    text = re.sub(r"^#.*\n", "", (DEPLOY / "container" / "Containerfile").read_text(), flags=re.MULTILINE)
    found: dict[str, list[str]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            found.setdefault(word, []).append(" ".join(rest.split()))
    return found


def test_the_image_copies_what_is_there_runs_as_nobody_special_and_has_no_secret() -> None:
    says = instructions()
    (copied,) = says["COPY"]
    lock, wheel, _ = copied.split()
    assert (PROJECT / lock).is_file() and wheel == "dist/*.whl"
    assert says["USER"] == ["10001"]
    assert says["VOLUME"] == ["/data"]
    assert says["STOPSIGNAL"] == ["SIGTERM"]
    assert not re.search("PASSWORD|HASH_KEY|_URL", " ".join(says["ENV"]))
    assert "--require-hashes" in says["RUN"][0] and "--no-deps" in says["RUN"][0]
    assert "ADD" not in says, "nothing is downloaded but by the package installer"


def test_the_container_starts_a_command_that_is_there() -> None:
    says = instructions()
    for arguments in (json.loads(says["CMD"][0]), ["run"]):
        ran = run_clv_here(*json.loads(says["ENTRYPOINT"][0])[1:], *arguments, "--help")
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(("code", "health"), [(0, 0), (1, 0), (3, 1), (5, 1), (2, 1)])
def test_the_health_check_takes_a_warning_for_healthy(tmp_path: Path, code: int, health: int) -> None:
    stub(tmp_path, code)
    command = instructions()["HEALTHCHECK"][0].split(" CMD ")[1]
    ran = subprocess.run(["/bin/sh", "-c", command], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False)
    assert ran.returncode == health


def test_the_health_check_asks_about_the_home_of_the_image(machine: Path) -> None:
    variables = dict(pair.split("=", 1) for pair in instructions()["ENV"][0].split())
    assert variables["CLV_HOME"] == "/data/home"
    home = Home(machine / "srv" / "acme" / "home")
    ran = run_clv_here("status", CLV_SOURCE=str(machine / "srv" / "acme" / "source"), CLV_HOME=str(home.root))
    assert ran.returncode == 5
    assert "nothing is published" in ran.stdout
