"""Interests as they run: offline, only new texts embedded, and a language model only where one is named."""

import json
import logging
import socket
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import polars as pl
import pytest

from assets.interests import STEPS, label_products, measure_people
from assets.onward_resource import OnwardResource
from pipelines.contracts.interest_tables import (
    INTEREST_TABLES,
    INTERESTS,
    PRODUCT_INTERESTS,
    TEXT_EMBEDDINGS,
    TOPIC_ANSWERS,
)
from pipelines.contracts.source_tables import PRODUCTS
from pipelines.contracts.tables import CONTACTABILITY, PURCHASE_LINES
from resources.control.workspace.night import apply_workspace
from resources.control.workspace.reading import read_workspace
from resources.home import Home
from resources.settings import read_environment
from resources.text_embedding import static_table
from tests.resources.language_model.fake_server import FakeServer, answering

NIGHT = date(2024, 3, 4)
NOON = datetime(2024, 3, 3, 12, tzinfo=UTC)
TOPICS = """\
  topics:
    bakery: bread, rolls, cakes
    pets: dog food, cat food
    drinks: coffee, tea, juice
"""
FILES = {
    "workspace.yml": "version: 1\nworkspace: acme\ntime_zone: UTC\ncurrency: USD\n",
    "connections.yml": "connections:\n  main: {kind: duckdb, path: source.duckdb}\n",
    "sources.yml": """\
        sources:
          customers: {connection: main, table: customers}
          orders: {connection: main, table: orders}
        """,
}
CATALOGUE = {"b": "rye bread", "d": "dry dog food", "t": "green tea", "v": "vitamin tablets", "z": "zzyzx"}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Applies a workspace with some `enrichment.yml`."""
    monkeypatch.setenv("ONWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ONWARD_WORKSPACE", str(tmp_path / "acme"))

    def build(enrichment: str = f"interests:\n{TOPICS}") -> OnwardResource:
        folder = tmp_path / "acme"
        folder.mkdir(exist_ok=True)
        for name, text in {**FILES, "enrichment.yml": enrichment}.items():
            (folder / name).write_text(dedent(text))
        (folder / "source.duckdb").touch()
        reading = read_workspace(folder, environment={"MODEL_KEY": "k"})
        assert reading.config is not None, reading.problems
        configs = Home(read_environment()).configs("acme")
        apply_workspace(configs, reading.config, author="test", reason="test", effective_on=NIGHT)
        return OnwardResource(workspace_id="acme", workspace_folder=str(folder))

    return build


def filled(table, *rows):
    schema = {name: column.dtype for name, column in table.schema.columns().items()}
    known = {"workspace_id": "acme", "source": "main"}
    return pl.DataFrame(
        [{name: row.get(name, known.get(name)) for name in schema} for row in rows], schema=schema
    )


def inputs(catalogue=CATALOGUE):
    """Two people: the first buys one of everything, the second tea."""
    bought = [(0, product) for product in catalogue] + [(1, "t")]
    lines = [
        {"customer_id": person, "order_id": f"o{place}", "line_number": 1, "product_id": product,
         "ordered_at": NOON, "quantity": 1.0, "net_amount": Decimal("2.00")}
        for place, (person, product) in enumerate(bought)
    ]  # fmt: skip
    return {
        CONTACTABILITY: CONTACTABILITY.schema.create_empty(),
        PURCHASE_LINES: filled(PURCHASE_LINES, *lines),
        PRODUCTS: filled(
            PRODUCTS, *({"product_id": product, "name": name} for product, name in catalogue.items())
        ),
    }  # fmt: skip


def run(onward, on=NIGHT, *, catalogue=CATALOGUE):
    """One night: its inputs, the step, and its output published; returns the published tables."""
    log = logging.getLogger("test")
    with onward.writing("inputs", on, run_id="test", log=log) as (_, writer):
        for table, frame in inputs(catalogue).items():
            writer.stage(table, frame)
        writer.publish()
    with onward.writing("interests", on, run_id="test", log=log) as (night, writer):
        output = label_products(night)
        for table, frame in output.frames.items():
            writer.stage(table, frame)
        writer.publish()
    with onward.writing("people", on, run_id="test", log=log) as (night, writer):
        writer.stage(INTERESTS, measure_people(night).frames[INTERESTS])
        writer.publish()
        tables = {table: night.read(table).collect() for table in INTEREST_TABLES}
    return tables, output.facts


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch):
    """Any attempt to reach another process fails the test."""

    def refuse(*_arguments, **_options):
        pytest.fail("something tried to reach a network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def labels(tables):
    rows = tables[PRODUCT_INTERESTS].select("product_id", "interest", "reason").iter_rows()
    return {product: (interest, reason) for product, interest, reason in rows}


def test_a_night_labels_products_and_people_without_a_network(workspace, no_network):
    static_table.read_static_table.cache_clear()
    tables, facts = run(workspace())
    found = labels(tables)
    assert found["b"] == ("bakery", "nearest")
    assert found["d"] == ("pets", "nearest")
    assert found["t"] == ("drinks", "nearest")
    assert found["v"] == (None, "sensitive")
    people = tables[INTERESTS]
    assert people.filter(pl.col("customer_id") == 1)["interest"].to_list() == ["drinks"]
    assert people.filter(pl.col("customer_id") == 1)["evidence"].to_list() == ['["t"]']
    assert people.filter(pl.col("customer_id") == 0).height >= 3
    assert tables[TOPIC_ANSWERS].is_empty()
    assert facts[TEXT_EMBEDDINGS]["new_texts"].value == tables[TEXT_EMBEDDINGS].height


def test_the_next_night_embeds_new_texts_only(workspace, monkeypatch):
    onward = workspace()
    first, _ = run(onward)
    asked = []
    monkeypatch.setattr(
        "assets.interests.StaticEmbedding.embed", _remembering(asked, static_embed=_original_embed())
    )
    later, facts = run(onward, NIGHT + timedelta(days=1), catalogue=CATALOGUE | {"n": "oat milk"})
    assert asked == ["oat milk"]
    assert facts[TEXT_EMBEDDINGS]["new_texts"].value == 1
    assert later[TEXT_EMBEDDINGS].height == first[TEXT_EMBEDDINGS].height + 1


def _original_embed():
    from resources.text_embedding.embedding import StaticEmbedding  # noqa: PLC0415

    return StaticEmbedding.embed


def _remembering(asked, *, static_embed):
    def embed(self, texts):
        asked.extend(texts)
        return static_embed(self, texts)

    return embed


def test_a_night_that_is_run_again_says_the_same(workspace):
    onward = workspace()
    first, _ = run(onward)
    again, _ = run(onward)
    for table in INTEREST_TABLES:
        assert again[table].equals(first[table]), table.name


def test_without_word_vectors_letters_are_compared_and_that_is_said(workspace, monkeypatch, caplog):
    static_table.read_static_table.cache_clear()
    monkeypatch.setattr(static_table, "PACKAGE", "no-such-package")
    tables, facts = run(workspace())
    static_table.read_static_table.cache_clear()
    assert facts[PRODUCT_INTERESTS]["method"].value == "tfidf-1"
    assert labels(tables)["d"] == ("pets", "nearest")
    assert set(tables[INTERESTS]["method"]) == {"tfidf"}
    assert tables[TEXT_EMBEDDINGS].is_empty()
    assert "by their letters only" in caplog.text


def test_without_topics_nothing_is_read(workspace):
    tables, _ = run(workspace("minimum_trait_confidence: 0.5\n"))
    assert all(frame.is_empty() for frame in tables.values())


def test_people_who_do_not_permit_profiling_have_no_interests(workspace):
    tables, _ = run(workspace(f"models: {{profiling_purpose: profiling}}\ninterests:\n{TOPICS}"))
    assert tables[INTERESTS].is_empty()
    assert not tables[PRODUCT_INTERESTS].is_empty()


def with_model(server, **more):
    settings = {
        "base_url": server.url, "model": "small", "api_key": "env:MODEL_KEY", "ask_below": 1.0,
        "price_per_million_question_tokens": 1, "price_per_million_answer_tokens": 2, **more,
    }  # fmt: skip
    return f"interests:\n  language_model: {json.dumps(settings)}\n{TOPICS}"


def test_a_language_model_is_asked_once_about_unsure_texts(workspace, monkeypatch):
    monkeypatch.setenv("MODEL_KEY", "k")
    with FakeServer(answering("pets")) as server:
        onward = workspace(with_model(server))
        first, facts = run(onward)
        asked = server.texts()
        again, _ = run(onward)
        later, _ = run(onward, NIGHT + timedelta(days=1))
        assert server.texts() == asked
    assert "rye bread" in asked and "vitamin tablets" not in asked
    assert labels(first)["b"] == ("pets", "answered")
    for table in INTEREST_TABLES:
        assert again[table].equals(first[table]), table.name
    assert later[INTERESTS].equals(first[INTERESTS])
    assert set(first[INTERESTS]["method"]) == {"language_model"}
    assert facts[TOPIC_ANSWERS]["requests"].value == len(asked)


def test_a_model_that_fails_leaves_the_offline_labels_with_the_reason(workspace, monkeypatch, caplog):
    monkeypatch.delenv("MODEL_KEY", raising=False)
    with FakeServer(answering("pets")) as server:
        tables, facts = run(workspace(with_model(server)))
        assert server.texts() == []
    assert labels(tables)["b"] == ("bakery", "nearest")
    problems = tables[PRODUCT_INTERESTS].filter(pl.col("product_id") == "b")["problem"].to_list()
    assert problems == ["refused"]
    assert facts[TOPIC_ANSWERS]["without_answer"].value["refused"] >= 3
    assert "MODEL_KEY" in caplog.text


def test_the_steps_publish_every_table_once_and_people_are_measured_by_bucket():
    assert tuple(table for step in STEPS for table in step.publishes) == INTEREST_TABLES
    assert [step.is_bucketed for step in STEPS] == [False, True]
