import pytest

from resources.control.workspace.reading import read_workspace
from resources.control.workspace.secrets import SecretMissingError, resolve_secrets


def test_references_are_replaced_however_deep_and_nothing_else_is():
    settings = {"user": "env:SF_USER", "port": 5, "deep": {"keys": ["env:SF_KEY", "plain"], "on": True}}
    before = str(settings)
    assert resolve_secrets(settings, {"SF_USER": "ann", "SF_KEY": "k1"}) == {
        "user": "ann",
        "port": 5,
        "deep": {"keys": ["k1", "plain"], "on": True},
    }
    assert str(settings) == before


def test_a_value_that_looks_like_a_reference_is_not_resolved_again():
    assert resolve_secrets({"a": "env:ONE"}, {"ONE": "env:TWO", "TWO": "x"}) == {"a": "env:TWO"}


def test_every_missing_variable_is_named_and_no_value_is():
    with pytest.raises(SecretMissingError) as caught:
        resolve_secrets({"a": "env:ONE", "b": {"c": ("env:TWO",)}, "d": "env:THREE"}, {"THREE": "hunter2"})
    assert str(caught.value) == "environment variables are not set: ONE (for a), TWO (for b.c[0]); set them"


CONNECTIONS = """\
connections:
  main: {kind: duckdb, path: 'env:ACME_DB'}
  other: {kind: duckdb, path: 'env:not a name'}
"""


def test_missing_variables_are_problems_of_the_folder(problems_of):
    assert problems_of({"connections.yml": CONNECTIONS}, {}) == [
        (
            "connections.yml:2: connections.main.path: the environment variable ACME_DB is not set"
            " — set ACME_DB where Onward runs"
        ),
        (
            "connections.yml:3: connections.other.path: `env:` is not followed by the name of a variable"
            " — write env:NAME, for example env:SF_USER"
        ),
    ]


def test_the_key_of_a_language_model_is_a_reference_as_well(problems_of):
    model = (
        "interests:\n  language_model:\n    base_url: https://models.example.com/v1\n    model: small\n"
        "    api_key: {key}\n    price_per_million_question_tokens: 1\n"
        "    price_per_million_answer_tokens: 1\n"
    )
    (unset,) = problems_of({"enrichment.yml": model.format(key="env:MODEL_KEY")}, {})
    assert unset.startswith(
        "enrichment.yml:5: interests.language_model.api_key: the environment variable MODEL_KEY is not set"
    )
    (written,) = problems_of({"enrichment.yml": model.format(key="sk-123")}, {})
    assert "env:NAME" in written
    assert "sk-123" not in written


def test_variables_are_not_asked_for_without_an_environment(problems_of):
    assert problems_of({"connections.yml": CONNECTIONS}) == []


def test_the_reference_is_kept_in_the_config(write_workspace):
    text = "connections:\n  main: {kind: duckdb, path: 'env:ACME_DB'}\n"
    reading = read_workspace(
        write_workspace({"connections.yml": text}), environment={"ACME_DB": "secret.duckdb"}
    )
    assert reading.config.connector.connections["main"].path == "env:ACME_DB"
    assert "secret.duckdb" not in reading.config.model_dump_json()
