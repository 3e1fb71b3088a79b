import pytest

from pipelines.contracts.requirements import REQUIREMENTS
from pipelines.contracts.source_tables import REQUIRED_SOURCES
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


ORDERS_IN_FULL = """\
sources:
  customers: {connection: main, table: customers}
  orders:
    connection: main
    table: orders
"""


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            "    cursor: status\n",
            (
                "sources.yml:6: sources.orders.cursor: a cursor is an instant or a date"
                " — use one of ordered_at, updated_at"
            ),
        ),
        (
            "    partition: day\n",
            (
                "sources.yml:6: sources.orders.partition: partition and reconcile need a cursor: "
                "without one the whole table is read — add `cursor:`, or delete these lines"
            ),
        ),
        (
            "    reconcile: 7d\n",
            (
                "sources.yml:6: sources.orders.reconcile: partition and reconcile need a cursor: "
                "without one the whole table is read — add `cursor:`, or delete these lines"
            ),
        ),
        (
            "    lookback: 3d\n",
            (
                "sources.yml:6: sources.orders.lookback: lookback needs a cursor"
                " — add `cursor:`, or delete `lookback`"
            ),
        ),
        (
            "    query: SELECT 1\n",
            (
                "sources.yml:6: sources.orders.query: `table` and `query` exclude each other"
                " — give either table or query"
            ),
        ),
        (
            "    on_failure: never\n",
            (
                "sources.yml:6: sources.orders.on_failure: `never` is not allowed here"
                " — known are last_good, stop"
            ),
        ),
        (
            "    budget: {bytes: 1 GB}\n",
            (
                "sources.yml:6: sources.orders.budget.bytes: `1 GB` cannot be read"
                " — write a size as a number and a unit, for example 500MB, 20GB or 2TB"
            ),
        ),
    ],
)
def test_settings_that_do_not_fit_are_named_with_their_line(problems_of, lines, problem):
    assert problems_of({"sources.yml": ORDERS_IN_FULL + lines}) == [problem]


def test_a_table_without_times_has_no_cursor_to_use(problems_of):
    text = "  products: {connection: main, table: p, cursor: name}\n"
    (problem,) = problems_of({"sources.yml": "sources:\n" + CUSTOMERS + ORDERS + text})
    assert problem.endswith("a cursor is an instant or a date — delete it: the whole table is read then")


@pytest.mark.parametrize(
    "query", ["DELETE FROM orders", "SELECT 1; SELECT 2", "SELECT 1) AS x, (SELECT 2", "'"]
)
def test_a_query_that_is_no_single_select_is_a_problem(problems_of, query):
    text = f'sources:\n{CUSTOMERS}  orders: {{connection: main, query: "{query}"}}\n'
    assert problems_of({"sources.yml": text}) == [
        (
            "sources.yml:3: sources.orders.query: the query is no single SELECT"
            " — write one SELECT and nothing else"
        )
    ]


def test_queries_are_read_in_the_dialect_of_their_connection(problems_of):
    connections = (
        "connections:\n  main: {kind: duckdb, path: source.duckdb}\n"
        "  lake: {kind: bigquery, project: p}\n  odd: {kind: oracle}\n"
    )
    sources = (
        f"sources:\n{CUSTOMERS}"
        "  orders: {connection: lake, query: 'SELECT `order id` FROM `p.shop.orders`;'}\n"
        "  products: {connection: odd, query: SELECT 1}\n"
    )
    problems = problems_of({"connections.yml": connections, "sources.yml": sources})
    assert _first_parts(problems) == ["connections.yml:4: connections.odd.kind: unknown kind"]


def test_an_age_without_a_fallback_is_a_warning(warnings_of):
    assert warnings_of({"sources.yml": ORDERS_IN_FULL + "    maximum_age: 3d\n"}) == [
        (
            "sources.yml:6: sources.orders.maximum_age: has no effect: without `on_failure: last_good` a "
            "source that fails stops the night — add `on_failure: last_good`, or delete it"
        )
    ]
    text = ORDERS_IN_FULL + "    maximum_age: 3d\n    on_failure: last_good\n"
    assert warnings_of({"sources.yml": text}) == []


FEEDS = """\
sources:
  customers:
    - {connection: main, source: crm, table: a}
    - {connection: main, source: web, table: b, columns: {email: mail}}
  orders:
    - {connection: main, source: crm, table: a}
    - connection: main
      source: web
      table: b
      prefixes: {order_id: web-}
      sentinels: {updated_at: clear}
  order_lines: {connection: main, source: web, table: c, prefixes: {order_id: web-}}
"""


def test_a_table_may_have_several_feeds(write_workspace):
    reading = read_workspace(write_workspace({"sources.yml": FEEDS}))
    assert reading.problems == ()
    assert list(reading.config.connector.feeds) == [
        "customers/crm",
        "customers/web",
        "orders/crm",
        "orders/web",
        "order_lines/web",
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "- {connection: main, source: crm, table: a}\n    - {connection: main, source: web",
            "- {connection: main, table: a}\n    - {connection: main, source: web",
            (
                "sources.yml:3: sources.customers[0]: a feed in a list needs a label, which its rows "
                "carry as `source`: customers has several — add `source: crm`, or the name of the system"
            ),
        ),
        (
            "columns: {email: mail}",
            "columns: {source: system}",
            "sources.yml:4: sources.customers[1].source: source is the label of all rows",
        ),
        (
            "columns: {email: mail}",
            "columns: {emial: mail}",
            (
                "sources.yml:4: sources.customers[1].columns.emial: unknown column of customers `emial`"
                " — did you mean email? known are "
            ),
        ),
        (
            "columns: {email: mail}",
            "colums: {email: mail}",
            "sources.yml:4: sources.customers[1].colums: unknown key — did you mean columns? known are ",
        ),
        (
            "    - connection: main\n      source: web",
            "    - connection: lake\n      source: web",
            "sources.yml:7: sources.orders[1].connection: unknown connection `lake` — ",
        ),
        (
            "prefixes: {order_id: web-}\n",
            "prefixes: {order_id: web-, status: web-}\n",
            (
                "sources.yml:10: sources.orders[1].prefixes.status: prefixes go before ids"
                " — use some of order_id, customer_ref, campaign_id"
            ),
        ),
        (
            "sentinels: {updated_at: clear}",
            "sentinels: {status: clear}",
            (
                "sources.yml:11: sources.orders[1].sentinels.status: sentinels are dates"
                " — use some of ordered_at, updated_at"
            ),
        ),
        (
            "table: c, prefixes: {order_id: web-}",
            "table: c",
            (
                "sources.yml:12: sources.order_lines: `order_id` of web has another prefix here than "
                "in orders, so the two would not meet — write `prefixes: {order_id: web-}`"
            ),
        ),
        (
            "table: c, prefixes: {order_id: web-}",
            "table: c, prefixes: {order_id: web-, product_id: p-}",
            None,
        ),
        (
            "      prefixes: {order_id: web-}\n",
            "",
            (
                "sources.yml:11: sources.order_lines.prefixes.order_id: `order_id` of web has another prefix "
                "here than in orders, so the two would not meet — delete `order_id`"
            ),
        ),
    ],
)
def test_what_is_wrong_with_feeds_is_said_at_its_line(problems_of, old, new, problem):
    assert old in FEEDS
    found = problems_of({"sources.yml": FEEDS.replace(old, new, 1)})
    if problem is None:
        assert found == []
    else:
        assert [one[: len(problem)] for one in found] == [problem]


def test_two_feeds_with_one_label_are_both_named(problems_of):
    text = FEEDS.replace("source: web, table: b", "source: crm, table: b", 1)
    assert _first_parts(problems_of({"sources.yml": text})) == [
        "sources.yml:3: sources.customers[0].source: two feeds of customers are `crm`",
        "sources.yml:4: sources.customers[1].source: two feeds of customers are `crm`",
    ]
