"""Architecture rules, checked in the source: allowed imports, file access, and use of the clock."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from clv_pipeline.core.project_files import PACKAGE, PROJECT, SQL_FOLDER, WORKSPACE
from clv_pipeline_tests.conftest import _SLOW

MODULES = sorted(PACKAGE.rglob("*.py"))
SQL_FILES = sorted(
    f for layer in ("1_clean", "2_features", "3_training", "4_published") for f in (SQL_FOLDER / layer).glob("*.sql")
)
SERIALISERS = {"pickle", "cPickle", "_pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
#: Rooms whose output may depend on the run's as_of only, never on the wall clock.
TIMELESS = (
    "core/run_identity.py", "warehouse/", "btyd/", "features/", "quality/", "modeling/", "next_purchases/", "interpretation/",
    "scoring/", "score_changes/", "forecasts/", "evaluation/", "reporting/", "publishing/",
)  # fmt: skip
#: The rooms of the house, and those to come: each imports only rooms that stand before it.
FLOORS = (
    "core", "contracts", "btyd", "warehouse", "demo_company", "sources", "onboarding", "features", "quality", "modeling",
    "next_purchases", "interpretation", "scoring", "score_changes", "forecasts", "evaluation", "decisions", "reporting",
    "publishing", "alerts", "dashboard", "assistant", "exports", "diagnostics", "privacy", "engine", "orchestration", "cli",
)  # fmt: skip
ROOMS_TO_COME = {"decisions", "assistant", "exports", "engine"}
#: The same, one level down.
INSIDE_MODELING = ("metrics", "data", "candidates", "calibration", "registry", "training")
#: Calls that tell the wall clock, as the last two names of what is called; time.monotonic() measures and tells nothing.
CLOCKS = {
    ("datetime", "now"), ("datetime", "today"), ("datetime", "utcnow"), ("date", "today"), ("time", "time"),
    ("time", "time_ns"), ("time", "localtime"), ("time", "gmtime"), ("time", "strftime"), ("time", "ctime"),
    ("Timestamp", "now"), ("Timestamp", "today"), ("Timestamp", "utcnow"),
}  # fmt: skip
SQL_CLOCK = re.compile(
    r"\b(now|today|random|uuid|gen_random_uuid|uuidv7|get_current_time|get_current_timestamp|transaction_timestamp)\s*\("
    r"|\bcurrent_(date|time|timestamp)\b|\blocaltime(stamp)?\b",
    re.IGNORECASE,
)
LONGEST_MODULE = 400


def _name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


@cache
def _imported(path: Path) -> set[str]:
    """Return the dotted names a module imports anywhere, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and _called(node)[-1:] in [("import_module",), ("__import__",)]:
            found |= {str(a.value) for a in node.args[:1] if isinstance(a, ast.Constant)}
    return found


def _packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imported(path)}


def _called(call: ast.Call) -> tuple[str, ...]:
    """Return the names of what is called: ('pd', 'Timestamp', 'now') for pd.Timestamp.now(...)."""
    names: list[str] = []
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    names.append(node.id if isinstance(node, ast.Name) else "?")
    return tuple(reversed(names))


@cache
def _calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]


def _texts(path: Path) -> Iterator[str]:
    """Yield every string of a module that is not a docstring, so that SQL written in Python is judged as well."""
    tree = _tree(path)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def _without_comments(sql: str) -> str:
    return re.sub(r"/\*.*?\*/", "", re.sub(r"--.*", "", sql), flags=re.DOTALL)


def test_the_rooms_that_are_judged_exist() -> None:
    for room in TIMELESS:
        assert any(_name(m).startswith(room) for m in MODULES), f"{room} moved: the rule about clocks watches nothing"
    assert len(SQL_FILES) > 20


def _room(name: str, below: str) -> str | None:
    """Return the room of a dotted module below another one: ('clv_pipeline.core.home', 'clv_pipeline') is in 'core'."""
    head, _, rest = name.partition(f"{below}.")
    return rest.split(".")[0] if not head and rest else None


def _imports_upwards(below: str, floors: tuple[str, ...]) -> list[str]:
    """Return each import of a room that stands after the importing one, as `from -> to`."""
    found = []
    for module in MODULES:
        dotted = f"clv_pipeline.{_name(module).removesuffix('.py').replace('/', '.')}"
        own = _room(dotted, below)
        if own in floors:
            others = {room for name in _imported(module) if (room := _room(name, below)) in floors}
            found += [f"{_name(module)} -> {o}" for o in others if o and floors.index(o) > floors.index(own)]
    return sorted(found)


def test_a_room_imports_only_rooms_before_it() -> None:
    assert _imports_upwards("clv_pipeline", FLOORS) == []
    assert _imports_upwards("clv_pipeline.modeling", INSIDE_MODELING) == []


def test_every_room_has_its_floor_and_says_what_belongs_in_it() -> None:
    for folder, floors, absent in ((PACKAGE, FLOORS, ROOMS_TO_COME), (PACKAGE / "modeling", INSIDE_MODELING, set())):
        there = {m.stem for m in folder.glob("*.py")} | {m.parent.name for m in folder.glob("*/__init__.py")}
        assert there - {"__init__"} == set(floors) - absent, folder
    silent = [_name(m) for m in MODULES if m.name == "__init__.py" and len(ast.get_docstring(_tree(m)) or "") <= 30]
    assert silent == []


def test_the_purchase_models_could_be_a_package_of_their_own() -> None:
    others = {
        (_name(m), name)
        for m in MODULES
        if _name(m).startswith("btyd/")
        for name in _imported(m)
        if name.split(".")[0] == "clv_pipeline" and not name.startswith("clv_pipeline.btyd")
    }
    assert others == set()
    assert {p for m in MODULES if _name(m).startswith("btyd/") for p in _packages(m)} >= {"numpy", "scipy"}


def test_only_the_command_line_and_the_resources_know_the_demo_company() -> None:
    importers = {_name(m) for m in MODULES if any(i.startswith("clv_pipeline.demo_company") for i in _imported(m))}
    assert {i for i in importers if not i.startswith("demo_company/")} == {
        "cli/evaluations.py",
        "cli/night.py",
        "orchestration/resources.py",
    }


def test_only_orchestration_imports_dagster() -> None:
    importers = {_name(m) for m in MODULES if any(p.startswith("dagster") for p in _packages(m))}
    assert importers, "nobody imports dagster: the rule watches nothing"
    assert [i for i in importers if not i.startswith("orchestration/")] == []


def test_only_the_command_line_reaches_into_orchestration() -> None:
    importers = {_name(m) for m in MODULES if any(i.startswith("clv_pipeline.orchestration") for i in _imported(m))}
    assert [i for i in sorted(importers) if not i.startswith(("orchestration/", "cli/"))] == []


def test_only_the_warehouse_opens_duckdb() -> None:
    openers = {_name(m) for m in MODULES for call in _calls(m) if _called(call) == ("duckdb", "connect")}
    assert openers == {"warehouse/connection.py", "warehouse/files.py"}
    assert [_name(m) for m in MODULES if "duckdb.connect" in _imported(m)] == []


def test_reporting_reads_the_published_bundle_only() -> None:
    for module in (m for m in MODULES if _name(m).startswith("reporting/")):
        assert "clv_pipeline.warehouse.connection.Warehouse" not in _imported(module), _name(module)
        for text in _texts(module):
            assert not re.search(r"\b(raw|clean|features|training|scores)\.[a-z_]+", text), (_name(module), text)


def test_nothing_is_pickled() -> None:
    importers = {_name(m): found for m in MODULES if (found := _packages(m) & SERIALISERS)}
    callers = [_name(m) for m in MODULES if {c[-1] for c in map(_called, _calls(m))} & {"read_pickle", "to_pickle"}]
    assert (importers, callers) == ({}, [])


def test_only_the_command_line_prints() -> None:
    printers = [f"{_name(m)}:{call.lineno}" for m in MODULES for call in _calls(m) if _called(call) == ("print",)]
    assert [place for place in printers if not place.startswith("cli/")] == []


def test_every_module_says_what_belongs_in_it_and_stays_short() -> None:
    assert [_name(m) for m in MODULES if len(ast.get_docstring(_tree(m)) or "") <= 30] == []
    assert [_name(m) for m in MODULES if len(m.read_text().splitlines()) > LONGEST_MODULE] == []


def test_the_clock_reaches_no_result() -> None:
    timeless = [m for m in MODULES if _name(m).startswith(TIMELESS)]
    told = [
        (f"{_name(m)}:{call.lineno}", _called(call))
        for m in timeless
        for call in _calls(m)
        if _called(call)[-2:] in CLOCKS or _called(call) in [("now",), ("today",), ("time_ns",)]
    ]
    assert told == []
    assert [_name(m) for m in timeless if {"time.time", "time.time_ns", "time.localtime"} & _imported(m)] == []
    assert [(_name(m), text) for m in timeless for text in _texts(m) if SQL_CLOCK.search(text)] == []


def test_only_bookkeeping_asks_the_clock() -> None:
    importers = {_name(m) for m in MODULES if {"clv_pipeline.core.clock", "clv_pipeline.core.clock.now"} & _imported(m)}
    assert importers == {
        "core/run_lock.py", "diagnostics/alerts.py", "diagnostics/profile/look.py", "diagnostics/status.py",
        "modeling/registry/registry.py", "orchestration/history.py", "orchestration/night_reports.py", "privacy/subject.py",
    }  # fmt: skip


def test_the_clock_and_chance_reach_no_table() -> None:
    told = [f"{f.parent.name}/{f.stem}" for f in SQL_FILES if SQL_CLOCK.search(_without_comments(f.read_text()))]
    assert told == []


def test_the_clock_rule_sees_what_it_must() -> None:
    for text in ("select now()", "where d < current_date", "order by RANDOM ()", "select Current_Timestamp"):
        assert SQL_CLOCK.search(_without_comments(text)), text
    for text in ("-- never now()", "/* random() */ select 1", "select known(x), is_current_date_known"):
        assert not SQL_CLOCK.search(_without_comments(text)), text


def test_dagster_loads_one_code_location() -> None:
    workspace = yaml.safe_load(WORKSPACE.read_text())
    (location,) = workspace["load_from"]
    assert location["python_module"]["module_name"] == "clv_pipeline.orchestration.definitions"


def test_no_setting_makes_dagster_ignore_the_workspace() -> None:
    tools = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]
    assert {"dagster", "dg"} & tools.keys() == set()


def test_the_lock_names_packages_and_hashes_but_no_address() -> None:
    lock = (PROJECT / "requirements.lock").read_text()
    code = [line.split("#")[0] for line in lock.splitlines()]
    assert [
        line
        for line in code
        if "://" in line or line.strip().startswith(("-i", "--index", "--extra-index", "-f", "--find"))
    ] == []
    assert "://" not in lock
    pins = re.findall(r"^[a-zA-Z0-9._-]+(?:\[[^\]]+\])?==\S+", lock, flags=re.MULTILINE)
    assert len(pins) > 50
    assert lock.count("--hash=sha256:") >= len(pins)


def test_the_files_that_are_listed_as_slow_exist() -> None:
    there = {path.name for path in (PROJECT / "clv_pipeline_tests").rglob("test_*.py")}
    assert set(_SLOW) - there == set()
