"""Logging in: by password and by IAM, with TLS, and what is said when it does not work."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
import redshift_connector
from redshift_connector.iam_helper import IamHelper

from pipelines.contracts.settings.connections import RESOLVED, RedshiftConnection
from resources.warehouses.base import SourceError
from resources.warehouses.redshift.connecting import arguments, open_session, session_statements
from resources.warehouses.redshift.warehouse import RedshiftWarehouse
from tests.emulators.install import interpreter_of
from tests.emulators.redshift.launch import redshift_server as start_server

#: The driver asks for TLS without saying which version.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.:DeprecationWarning")
GOOD, WRONG = "s3cret", "wr0ng"
CLUSTER = {"region": "eu-central-1", "cluster": "crm", "profile": "nightly"}
WORKGROUP = {"region": "eu-central-1", "workgroup": "crm-serverless"}


def settings(**changes):
    entry = {"kind": "redshift", "host": "crm.example.com", "database": "crm", "user": "onward", **changes}
    return RedshiftConnection.model_validate(entry, context=RESOLVED)


def test_a_password_travels_encrypted_to_the_host_that_is_named():
    given = arguments(settings(password=GOOD, timeout="5m"))
    assert given["ssl"] is True
    assert given["sslmode"] == "verify-full"
    assert (given["user"], given["password"]) == ("onward", GOOD)
    # A little more than the server's own limit of 300 seconds.
    assert given["timeout"] == 315
    assert "iam" not in given


def test_a_cluster_is_asked_for_temporary_credentials():
    given = arguments(settings(iam=CLUSTER))
    assert given["iam"] is True
    assert (given["cluster_identifier"], given["db_user"], given["profile"]) == ("crm", "onward", "nightly")
    assert "password" not in given and "is_serverless" not in given


def test_a_workgroup_is_asked_for_temporary_credentials():
    given = arguments(settings(iam=WORKGROUP))
    assert given["is_serverless"] is True
    assert given["serverless_work_group"] == "crm-serverless"
    assert "cluster_identifier" not in given


def test_a_session_is_pinned_to_utc_and_to_its_time():
    statements = session_statements(settings(password=GOOD, timeout="2m"))
    assert "SET timezone TO 'UTC'" in statements
    assert "SET query_group TO 'onward'" in statements
    assert "SET statement_timeout TO 120000" in statements


def test_plain_connections_leave_this_machine_never():
    with pytest.raises(SourceError, match=r"not_allowed.*in the open"):
        open_session(settings(password=GOOD, is_encrypted=False), name="main")


def test_a_check_names_the_server_and_leaves_nothing_behind(connect, objects):
    said = connect().check()
    assert said.startswith("redshift 1.0.") and "database dev" in said and "s3://staging/onward" in said
    assert objects() == []


def test_a_wrong_password_is_said_without_it(connect):
    with pytest.raises(SourceError) as refused:
        connect(password=WRONG)
    assert refused.value.problems[0].code == "bad_credentials"
    assert WRONG not in str(refused.value)


def test_a_host_that_does_not_answer_is_unreachable_within_its_time(settings_of):
    connection = settings_of(port=1).model_copy(update={"timeout": timedelta(seconds=1)})
    with pytest.raises(SourceError, match="unreachable") as refused:
        RedshiftWarehouse(connection, name="main")
    assert refused.value.is_transient


def test_a_server_with_too_many_connections_is_asked_again(server, connect):
    server.spoil("login", state="53300", message="connection limit exceeded", times=2)
    assert connect().check()


def test_a_session_that_cannot_be_pinned_is_no_session(server, connect):
    server.spoil("statement", contains="SET timezone", state="42501", message="not for you")
    with pytest.raises(SourceError, match=r"not_allowed.*not for you"):
        connect()


def test_a_staging_folder_that_refuses_is_said(server, connect):
    warehouse = connect()
    server.spoil("storage", status=403, code="AccessDenied", times=-1)
    with pytest.raises(SourceError, match=r"not_allowed.*staging folder"):
        warehouse.check()


@pytest.fixture(scope="module")
def encrypted_server(redshift_server, tmp_path_factory):
    """A second emulator, which offers TLS; the first one says whether there is any."""
    with start_server(interpreter_of("redshift"), tmp_path_factory.mktemp("tls"), has_tls=True) as server:
        yield server


@pytest.fixture
def trusted(encrypted_server, monkeypatch):
    """The driver trusts what the system trusts, and Amazon."""
    encrypted_server.heal()
    monkeypatch.setenv("SSL_CERT_FILE", str(encrypted_server.certificate))
    return encrypted_server


def opened(server, **changes):
    entry = server.settings(is_encrypted=True, timeout="1m", **changes)
    return RedshiftWarehouse(RedshiftConnection.model_validate(entry, context=RESOLVED), name="main")


def test_an_encrypted_session_works(trusted):
    with opened(trusted) as warehouse:
        assert warehouse.check().startswith("redshift")
        assert warehouse._client._idle[0]._usock.cipher()


def test_a_certificate_that_nobody_vouches_for_is_refused(encrypted_server):
    with pytest.raises(SourceError, match=r"unreachable.*certificate"):
        opened(encrypted_server)


def test_a_certificate_of_another_host_is_refused(trusted):
    with pytest.raises(SourceError, match=r"unreachable.*certificate"):
        opened(trusted, host="localhost")


@pytest.fixture
def identity(trusted, monkeypatch):
    """IAM answers on the emulator and knows one cluster."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_REDSHIFT": trusted.storage_url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(IamHelper, "credentials_cache", {})
    client = boto3.client("redshift", region_name="us-east-1")
    if not client.describe_clusters()["Clusters"]:
        client.create_cluster(
            ClusterIdentifier="crm",
            NodeType="ra3.large",
            MasterUsername="admin",
            MasterUserPassword="Passw0rd",
        )
    client.close()
    return trusted


def opened_by_iam(server, cluster="crm"):
    return opened(server, password=None, user="analyst", iam={"region": "us-east-1", "cluster": cluster})


def test_iam_opens_a_session(identity):
    with opened_by_iam(identity) as warehouse:
        assert warehouse.check().startswith("redshift")


def test_iam_that_refuses_is_said(identity):
    with pytest.raises(SourceError, match=r"bad_credentials.*ClusterNotFound"):
        opened_by_iam(identity, cluster="nowhere")


def test_expired_credentials_of_iam_are_renewed_once(identity):
    identity.spoil("login", contains="IAM:", state="28000", message="credentials have expired")
    with opened_by_iam(identity) as warehouse:
        assert warehouse.check()


def test_credentials_of_iam_that_expire_again_are_an_error(identity):
    identity.spoil("login", contains="IAM:", state="28000", message="credentials have expired", times=2)
    with pytest.raises(SourceError) as refused:
        opened_by_iam(identity)
    assert [problem.code for problem in refused.value.problems] == ["bad_credentials"]
    assert not refused.value.is_transient


def test_a_session_that_is_thrown_out_logs_in_again(identity):
    with opened_by_iam(identity) as warehouse:
        identity.spoil("statement", contains="SELECT version", state="28000", closes=True)
        assert warehouse.check()


def test_a_workgroup_hands_out_credentials_to_its_own_service(monkeypatch):
    asked = []

    class Service:
        def get_credentials(self, **given):
            asked.append(("get_credentials", given))
            until = datetime.now(UTC) + timedelta(minutes=15)
            return {"dbUser": "IAM:analyst", "dbPassword": "temporary", "expiration": until}

        def get_workgroup(self, **given):
            asked.append(("get_workgroup", given))
            return {"workgroup": {"endpoint": {"address": "crm.example.com", "port": 5439}}}

    def client(_self, service_name, **given):
        asked.append((service_name, given["region_name"]))
        return Service()

    def refuse(**given):
        asked.append((given["user"], given["password"]))
        raise redshift_connector.InterfaceError({"C": "28000", "M": "stop here"})

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(boto3.Session, "client", client)
    monkeypatch.setattr(IamHelper, "credentials_cache", {})
    monkeypatch.setattr(redshift_connector, "Connection", refuse)
    with pytest.raises(SourceError, match="bad_credentials"):
        open_session(settings(iam=WORKGROUP), name="main")
    assert ("redshift-serverless", "eu-central-1") in asked
    assert ("get_credentials", {"dbName": "crm", "workgroupName": "crm-serverless"}) in asked
    # Twice: the second time because the first credentials might have run out.
    assert asked.count(("IAM:analyst", "temporary")) == 2
