from pipelines.contracts.requirements import REQUIREMENTS
from pipelines.contracts.tables import REQUIRED_SOURCES
from resources.control.workspace.reading import read_workspace

CUSTOMERS = "  customers: {connection: main, table: customers}\n"
ORDERS = "  orders: {connection: main, table: orders}\n"


def _first_parts(problems):
    return [problem.split(" — ")[0] for problem in problems]


def test_connections_of_sources_and_target_must_exist(problems_of):
    problems = problems_of(
        {
            "connections.yml": "connections:\n  main: {kind: duckdb, path: a.duckdb}\ntarget: mian\n",
            "sources.yml": "sources:\n" + CUSTOMERS.replace("main", "other") + ORDERS,
        }
    )
    assert _first_parts(problems) == [
        "connections.yml:3: target: unknown connection `mian`",
        "sources.yml:2: sources.customers.connection: unknown connection `other`",
    ]


def test_every_unknown_source_and_column_is_named(problems_of):
    problems = problems_of(
        {
            "sources.yml": "sources:\n"
            "  customers:\n    connection: main\n    table: c\n    columns: {mail: e, emial: f}\n"
            "  orders:\n    connection: main\n    table: o\n    cursor: orderd_at\n"
            "  event: {connection: main, table: e}\n"
        }
    )
    assert _first_parts(problems) == [
        "sources.yml:5: sources.customers.columns.emial: unknown column of customers `emial`",
        "sources.yml:5: sources.customers.columns.mail: unknown column of customers `mail`",
        "sources.yml:9: sources.orders.cursor: unknown column of orders `orderd_at`",
        "sources.yml:10: sources.event: unknown source `event`",
    ]
    assert "did you mean email?" in problems[0]
    assert "did you mean ordered_at?" in problems[2]


def test_workspace_id_cannot_be_mapped(problems_of):
    [problem] = problems_of(
        {
            "sources.yml": "sources:\n  customers: {connection: main, table: c, columns: {workspace_id: w}}\n"
            + ORDERS
        }
    )
    assert "unknown column of customers `workspace_id`" in problem


def test_both_required_sources_are_asked_for(problems_of):
    problems = problems_of({"sources.yml": "sources: {}\n"})
    assert _first_parts(problems) == [
        f"sources.yml:1: sources: the required source `{name}` is missing"
        for name in sorted(REQUIRED_SOURCES)
    ]


def test_each_missing_optional_table_says_what_it_switches_off(write_workspace):
    warnings = read_workspace(write_workspace()).warnings
    for name, requirement in REQUIREMENTS.items():
        told = [warning.what for warning in warnings if f"no `{name}`" in warning.what]
        expected = [] if name in REQUIRED_SOURCES else [f"no `{name}`: {requirement.sentence}"]
        assert told == expected


def test_a_table_that_is_there_is_not_warned_about(write_workspace):
    folder = write_workspace(
        {"sources.yml": "sources:\n" + CUSTOMERS + ORDERS + "  products: {connection: main, table: p}\n"}
    )
    assert not any("no `products`" in warning.what for warning in read_workspace(folder).warnings)


def test_a_warehouse_file_that_is_not_there_yet_is_a_warning(write_workspace, warnings_of):
    assert warnings_of({}) == []
    assert warnings_of({"connections.yml": "connections:\n  main: {kind: duckdb, path: later.duckdb}\n"}) == [
        (
            "connections.yml:2: connections.main.path: there is no such file yet"
            " — load the data before the first night is run"
        )
    ]
