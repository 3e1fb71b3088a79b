"""Credentials: three kinds that are accepted, wrong ones refused in words, tokens never sent in the open."""

import pytest
from google.auth.credentials import CredentialsWithRegionalAccessBoundary

from resources.warehouses.base import Relation, SourceError

ANSWER = Relation(query="SELECT 1 AS answer")


def problem_of(error):
    (problem,) = error.value.problems
    return problem


def test_a_service_account_exchanges_its_key_for_a_token(connect, server):
    before = server.report()["tokens_issued"]
    assert connect().check() == "bigquery, project onward-test in US, rows over the Storage Read API"
    assert server.report()["tokens_issued"] == before + 1


def test_a_key_file_is_found_in_the_workspace(connect, server, tmp_path_factory):
    folder = next(tmp_path_factory.getbasetemp().glob("workspace*"))
    (folder / "key.json").write_bytes(server.keyfile.read_bytes())
    assert connect(keyfile="key.json").check().startswith("bigquery")


def test_a_ready_token_is_used_as_it_is(connect, server):
    before = server.report()["tokens_issued"]
    assert connect(keyfile=None, token=server.token).check().startswith("bigquery")
    assert server.report()["tokens_issued"] == before


def test_application_default_credentials_are_the_last_resort(connect, server, monkeypatch):
    # google-auth would ask Google where a token of this account is valid.
    monkeypatch.setattr(
        CredentialsWithRegionalAccessBoundary,
        "_is_regional_access_boundary_lookup_required",
        lambda _: False,
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(server.keyfile))
    assert connect(keyfile=None).check().startswith("bigquery")


def test_no_credentials_at_all_are_explained(connect, monkeypatch, tmp_path):
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(SourceError) as refused:
        connect(keyfile=None)
    assert problem_of(refused).code == "bad_credentials"
    assert "gcloud auth application-default login" in problem_of(refused).remedy


@pytest.mark.parametrize("use", ["check", "describe", "discover"])
def test_a_key_that_the_service_does_not_know_is_refused(connect, server, use):
    stranger = connect(keyfile=str(server.foreign_keyfile))
    calls = {
        "check": stranger.check,
        "describe": lambda: stranger.describe("orders", ANSWER),
        "discover": stranger.discover,
    }
    with pytest.raises(SourceError) as refused:
        calls[use]()
    assert problem_of(refused).code == "bad_credentials"
    assert not refused.value.is_transient


def test_a_wrong_token_is_refused_and_not_shown(connect):
    with pytest.raises(SourceError) as refused:
        connect(keyfile=None, token="ya29.wrong").check()  # noqa: S106
    assert problem_of(refused).code == "bad_credentials"
    assert "ya29" not in str(refused.value)


@pytest.mark.parametrize("content", ["no json", "{}", '{"type": "service_account", "private_key": "s3cret"}'])
def test_a_file_that_is_no_key_is_named_and_not_quoted(connect, tmp_path, content):
    (tmp_path / "key.json").write_text(content, encoding="utf-8")
    with pytest.raises(SourceError) as refused:
        connect(keyfile=str(tmp_path / "key.json"))
    assert problem_of(refused).code == "bad_credentials"
    assert "key.json" in str(refused.value) and "s3cret" not in str(refused.value)


def test_a_missing_key_file_is_named(connect, tmp_path):
    with pytest.raises(SourceError, match=r"no\.json.*FileNotFoundError"):
        connect(keyfile=str(tmp_path / "no.json"))


@pytest.mark.parametrize("setting", ["api_endpoint", "storage_endpoint"])
@pytest.mark.parametrize("url", ["http://bigquery.example.com", "http://10.0.0.7:9050", "ftp://127.0.0.1"])
def test_tokens_are_not_sent_in_the_open(connect, setting, url):
    with pytest.raises(SourceError) as refused:
        connect(**{setting: url})
    assert problem_of(refused).code == "insecure_endpoint"


def test_a_private_endpoint_is_reached_with_tls(connect):
    warehouse = connect(
        api_endpoint="https://bigquery-lake.p.googleapis.com",
        storage_endpoint="https://bigquerystorage-lake.p.googleapis.com",
    )
    client, _ = warehouse._clients.storage()
    assert client.transport.host == "bigquerystorage-lake.p.googleapis.com:443"
    assert warehouse._clients.rest._connection.API_BASE_URL == "https://bigquery-lake.p.googleapis.com"


def test_googles_own_endpoints_are_the_default(connect):
    warehouse = connect(api_endpoint=None, storage_endpoint=None)
    client, _ = warehouse._clients.storage()
    assert client.transport.host == "bigquerystorage.googleapis.com:443"
    assert warehouse._clients.rest._connection.API_BASE_URL == "https://bigquery.googleapis.com"
