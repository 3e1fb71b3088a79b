"""Connections: what the types cannot say about secrets, encryption, files and budgets."""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from resources.control.workspace.findings import Findings
from resources.control.workspace.secrets import REFERENCE
from resources.control.workspace.yaml_nodes import Spot

FILE = "connections.yml"
#: Settings that name a file beside the workspace → what to do when it is not there.
_FILES = {
    "path": "load the data before the first night is run",
    "private_key_file": "put the key there, readable by its owner only",
    "keyfile": "put the key there, readable by its owner only",
}
#: A setting → another without which it means nothing.
_NEEDED = {
    "private_key_passphrase": ("private_key_file", "private_key"),
    "staging.access_key": ("staging.secret_key",),
    "staging.secret_key": ("staging.access_key",),
}


def check_connections(findings: Findings) -> None:
    for _, connection in findings.folder.root(FILE).at("connections").entries():
        _check_credentials(findings, connection)
        _check_encryption(findings, connection)
        _check_credits(findings, connection.at("budget", "credits"), connection)


def check_connection_files(findings: Findings, folder: Path) -> None:
    """A file that is not there yet is a warning: it may be put there later."""
    for _, connection in findings.folder.root(FILE).at("connections").entries():
        for key, remedy in _FILES.items():
            spot = connection.at(key)
            if _is_written(spot) and not (folder / str(spot.text)).exists():
                findings.warn(FILE, spot, "there is no such file yet", remedy)


def _check_credentials(findings: Findings, connection: Spot) -> None:
    for key, others in _NEEDED.items():
        spot = connection.at(*key.split("."))
        if spot.exists and not any(connection.at(*other.split(".")).exists for other in others):
            needed = " or ".join(f"`{other.rsplit('.', 1)[-1]}`" for other in others)
            findings.problem(FILE, spot, f"means nothing without {needed}", f"add {needed}, or delete it")
    token = connection.at("token")
    if token.exists and connection.at("keyfile").exists:
        what = "`keyfile` and `token` exclude each other"
        findings.problem(FILE, token, what, "keep `keyfile`, or `token` if something else renews it")


def _check_encryption(findings: Findings, connection: Spot) -> None:
    """Passwords and rows cross a network in the open only where there is no network."""
    host = connection.at("host")
    plain = {
        "protocol": (connection.at("protocol").value == "http", host.text),
        "is_encrypted": (connection.at("is_encrypted").value is False, host.text),
        "api_endpoint": _endpoint(connection.at("api_endpoint")),
        "storage_endpoint": _endpoint(connection.at("storage_endpoint")),
        "staging.endpoint_url": _endpoint(connection.at("staging", "endpoint_url")),
    }
    for key, (is_plain, address) in plain.items():
        if is_plain and not is_loopback(address):
            spot = connection.at(*key.split("."))
            findings.problem(
                FILE,
                spot,
                "the connection would not be encrypted",
                "encrypt it; only loopback may do without",
            )


def _endpoint(spot: Spot) -> tuple[bool, str | None]:
    address = urlsplit(spot.text or "")
    return address.scheme == "http", address.hostname


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine; a reference may be, and is seen when it is opened."""
    if host is None:
        return False
    if host == "localhost" or host.startswith(REFERENCE):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_credits(findings: Findings, spot: Spot, connection: Spot) -> None:
    kind = connection.at("kind").text
    if spot.exists and kind is not None and kind != "snowflake":
        what = "credits are a unit of Snowflake, so this limits nothing"
        findings.warn(FILE, spot, what, "limit bytes or seconds instead")


def _is_written(spot: Spot) -> bool:
    """Whether a text stands there that is no reference."""
    return bool(spot.text) and not str(spot.text).startswith(REFERENCE)
