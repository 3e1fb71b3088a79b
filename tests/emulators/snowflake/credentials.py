"""Who may log in: by key pair, password or token, each checked against what the emulator was given."""

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization

BAD_PASSWORD = ("390100", "Incorrect username or password was specified.")
BAD_JWT = ("390144", "JWT token is invalid.")
BAD_OAUTH = ("390303", "Invalid OAuth access token.")
BAD_PAT = ("394400", "Programmatic access token is invalid.")


@dataclass(frozen=True)
class Credentials:
    """Secrets of the one user; a way to log in without a secret here is closed."""

    user: str
    password: str | None = None
    oauth_token: str | None = None
    access_token: str | None = None
    public_keys: tuple[Path, ...] = field(default=())

    def refuse(self, login: dict) -> tuple[str, str] | None:
        """Code and text with which a login is turned away; None when it is right."""
        authenticator = (login.get("AUTHENTICATOR") or "SNOWFLAKE").upper()
        is_known = (login.get("LOGIN_NAME") or "").upper() == self.user.upper()
        if authenticator == "SNOWFLAKE_JWT":
            return None if is_known and self._accepts_jwt(login) else BAD_JWT
        if authenticator == "OAUTH":
            return None if self.oauth_token and login.get("TOKEN") == self.oauth_token else BAD_OAUTH
        if authenticator == "PROGRAMMATIC_ACCESS_TOKEN":
            is_right = self.access_token and login.get("TOKEN") == self.access_token
            return None if is_known and is_right else BAD_PAT
        is_right = self.password and login.get("PASSWORD") == self.password
        return None if is_known and is_right else BAD_PASSWORD

    def _accepts_jwt(self, login: dict) -> bool:
        account, user = (login.get(name, "").upper() for name in ("ACCOUNT_NAME", "LOGIN_NAME"))
        for path in self.public_keys:
            key = serialization.load_pem_public_key(path.read_bytes())
            try:
                claims = jwt.decode(login["TOKEN"], key, algorithms=["RS256"])
            except jwt.InvalidTokenError:
                continue
            subject = f"{account}.{user}"
            if claims["sub"] == subject and claims["iss"] == f"{subject}.{_fingerprint(key)}":
                return True
        return False


def _fingerprint(key) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
