"""What the operator may set about watch parties."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ByteSize, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from daemon.settings_checks import issuer_keys, origins


class PartySettings(BaseSettings):
    """The part of `Settings` that is about watch parties."""

    jwt_issuer_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(issuer_keys)] = Field(
        (),
        description="Whose tokens open /ws/connect: issuer, algorithm and key, with spaces between them; commas between"
        " several. The key is https://… (a key set), file:/path.pem (a public key), or for HS256 secret:… or base64:…"
        " (32 bytes or more). Default: nobody's but our own.",
        examples=["https://login.example.org RS256 https://login.example.org/.well-known/jwks.json"],
    )
    jwt_audience: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="What these tokens have to be for (aud). Default: it is not looked at.",
        examples=["cuelight"],
    )
    party_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(origins)] = Field(
        (),
        description="Pages of other sites that may open watch-party sockets, by commas; * for all. Default: our own.",
        examples=["https://watch.example.org"],
    )
    party_joins_per_address: int = Field(
        300,
        ge=1,
        le=1_000_000,
        description="Joins per address and minute; who comes back, or has a ticket, is not counted.",
        examples=["300"],
    )
    party_accepts_per_second: int = Field(
        400,
        ge=1,
        le=100_000,
        description="New watch-party sockets a second; more are told when to come back.",
        examples=["400"],
    )
    party_max_viewers: int = Field(
        20_000, ge=1, le=200_000, description="Watch-party sockets of one daemon.", examples=["20000"]
    )
    party_buffer_bytes: ByteSize = Field(
        ByteSize(128 << 20),
        ge=1 << 20,
        description="What may wait for slow viewers, all together; beyond it the slowest has to come back.",
        examples=["128MiB"],
    )
