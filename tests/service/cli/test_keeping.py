from datetime import date

from pipelines.contracts.tables import CUSTOMER_LINKS
from service.cli.exit_codes import ExitCode

NIGHT = date(2017, 12, 3)


def _link(customer_id):
    return {
        "source": "main",
        "customer_ref": "1",
        "customer_id": customer_id,
        "method": "reference",
        "confidence": 1.0,
        "linked_on": NIGHT,
    }


def test_superseded_versions_go_and_the_current_one_stays(onward, workspace, home, publish):
    for customer_id in (1, 2):
        publish(NIGHT, {CUSTOMER_LINKS: [_link(customer_id)]})
    result = onward("gc", "--workspace", workspace, "--keep-hours", "0")
    assert result.code == ExitCode.OK
    assert result.out.count("removed identity/customer_links/") == 1
    assert "1 folders removed" in result.out
    assert home.lake("acme").scan(CUSTOMER_LINKS, NIGHT).collect()["customer_id"].to_list() == [2]


def test_young_versions_stay_for_running_readers(onward, workspace, publish):
    for customer_id in (1, 2):
        publish(NIGHT, {CUSTOMER_LINKS: [_link(customer_id)]})
    assert onward("gc", "--workspace", workspace).out == "0 folders removed, 0.0 MB freed\n"


def test_a_night_that_is_being_written_is_left_alone(onward, workspace, home, publish):
    for customer_id in (1, 2):
        publish(NIGHT, {CUSTOMER_LINKS: [_link(customer_id)]})
    with home.lake("acme").writing("identity", NIGHT, run_id="other", config_hash="0" * 64):
        result = onward("gc", "--workspace", workspace, "--keep-hours", "0")
    assert "kept identity/customer_links/" in result.out
    assert "0 folders removed" in result.out


def test_damage_is_reported_and_nothing_of_its_table_removed(onward, workspace, home, publish):
    publish(NIGHT, {CUSTOMER_LINKS: [_link(1)]})
    publish(NIGHT, {CUSTOMER_LINKS: [_link(2)]})
    version = home.lake("acme").find(CUSTOMER_LINKS, NIGHT)
    (version.folder / "manifest.json").write_text("{")
    result = onward("gc", "--workspace", workspace, "--keep-hours", "0")
    assert result.code == ExitCode.ENVIRONMENT
    assert "damaged identity/customer_links" in result.out
    assert "0 folders removed" in result.out
